#[daemon::main(pid = "/run/a.pid", log = "/var/log/a.log", log_rotate = "10M", log_keep = 0, control_flag = "-s")]
fn main() {}
