#[daemon::main(pid = "/run/a\0b")]
fn main() {}
