#[daemon::main(ready = "later")]
fn main() {}
