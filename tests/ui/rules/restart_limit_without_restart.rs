#[daemon::main(pid = "/run/a.pid", restart_limit = 3)]
fn main() {}
