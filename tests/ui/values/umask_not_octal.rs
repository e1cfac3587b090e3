#[daemon::main(umask = 89)]
fn main() {}
