#[daemon::main(pid = "/run/a.pid", pid = "/run/a.pid")]
fn main() {}
