#[daemon::main(ready = ["tcp:80", "tcp:80"])]
fn main() {}
