#[daemon::main(ready = "exec", ready_timeout = 5)]
fn main() {}
