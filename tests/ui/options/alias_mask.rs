#[daemon::main(mask = 0o027)]
fn main() {}
