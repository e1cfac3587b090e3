#[daemon::main(pid = "/run/a.pid", control_flag = "-s", stop_timeout = 0)]
fn main() {}
