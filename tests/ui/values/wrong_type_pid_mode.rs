#[daemon::main(pid = "/run/a.pid", pid_mode = "0o600")]
fn main() {}
