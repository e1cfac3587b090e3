#[daemon::main(pid-fil = "/run/a.pid")]
fn main() {}
