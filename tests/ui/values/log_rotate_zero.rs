#[daemon::main(pid = "/run/a.pid", log = "/var/log/a.log", log_rotate = "0K", control_flag = "-s")]
fn main() {}
