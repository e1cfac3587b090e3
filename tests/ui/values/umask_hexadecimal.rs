#[daemon::main(umask = 0x17)]
fn main() {}
