#[daemon::main(umaskx = 0o027)]
fn main() {}
