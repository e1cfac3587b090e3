#[daemon::main(umask = 0o027, umask = 0o027)]
fn main() {}
