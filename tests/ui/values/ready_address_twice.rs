#[daemon::main(ready = ["tcp:80", "tcp:080"])]
fn main() {}
