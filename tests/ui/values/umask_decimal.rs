#[daemon::main(umask = 27)]
fn main() {}
