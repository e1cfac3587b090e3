#[daemon::main(user = 33)]
fn main() {}
