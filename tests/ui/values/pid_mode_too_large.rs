#[daemon::main(pid = "/run/a.pid", pid_mode = 0o4644)]
fn main() {}
