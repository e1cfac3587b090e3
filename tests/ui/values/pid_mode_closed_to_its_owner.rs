#[daemon::main(pid = "/run/a.pid", pid_mode = 0o044)]
fn main() {}
