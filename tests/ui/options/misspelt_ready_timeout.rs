#[daemon::main(ready_timeoutx = 5)]
fn main() {}
