#[daemon::main(pid = "/run/a.pid" log = "/var/log/a.log")]
fn main() {}
