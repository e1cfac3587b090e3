#[daemon::main(ready = "notfiy")]
fn main() {}
