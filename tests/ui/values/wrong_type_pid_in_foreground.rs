#[daemon::main(pid = "/run/a.pid", pid_in_foreground = "true")]
fn main() {}
