#[daemon::main]
#[::daemon::main]
fn main() {}
