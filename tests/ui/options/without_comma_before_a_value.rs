#[daemon::main(pid = "/run/a.pid" "/var/log/a.log")]
fn main() {}
