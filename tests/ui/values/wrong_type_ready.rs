#[daemon::main(ready = true)]
fn main() {}
