#[daemon::main(ready_timeout = 5, ready_timeout = 5)]
fn main() {}
