#[daemon::main(stop_timeoutx = 5)]
fn main() {}
