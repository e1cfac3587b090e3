#[daemon::main(ready = "tcp:http")]
fn main() {}
