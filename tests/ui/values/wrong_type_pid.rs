#[daemon::main(pid = 5)]
fn main() {}
