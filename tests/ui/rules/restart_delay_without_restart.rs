#[daemon::main(pid = "/run/a.pid", restart_delay = "1s")]
fn main() {}
