#[daemon::main(pidfile = "/run/a.pid")]
fn main() {}
