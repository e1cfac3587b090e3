#[daemon::main(daemon::pid = "/run/a.pid")]
fn main() {}
