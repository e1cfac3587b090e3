#[daemon::main(pid =)]
fn main() {}
