#[daemon::main(ready_timeout = 0)]
fn main() {}
