#[daemon::main(wait = 5)]
fn main() {}
