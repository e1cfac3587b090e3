#[daemon::main(group = 33)]
fn main() {}
