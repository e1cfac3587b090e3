#[daemon::main(stop_timeout = 5)]
fn main() {}
