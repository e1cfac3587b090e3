#[daemon::main(ready_timeout = "10s")]
fn main() {}
