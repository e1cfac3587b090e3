#[daemon::main(ready = [])]
fn main() {}
