#[daemon::main(ready = "unix:")]
fn main() {}
