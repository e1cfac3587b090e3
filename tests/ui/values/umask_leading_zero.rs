#[daemon::main(umask = 022)]
fn main() {}
