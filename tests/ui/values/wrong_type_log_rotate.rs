#[daemon::main(pid = "/run/a.pid", log = "/var/log/a.log", log_rotate = 10, control_flag = "-s")]
fn main() {}
