#[daemon::main]
fn main() {}
