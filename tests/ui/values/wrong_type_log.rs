#[daemon::main(log = 5)]
fn main() {}
