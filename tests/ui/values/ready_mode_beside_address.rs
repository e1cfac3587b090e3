#[daemon::main(ready = ["notify", "tcp:80"])]
fn main() {}
