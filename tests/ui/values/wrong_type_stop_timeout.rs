#[daemon::main(pid = "/run/a.pid", control_flag = "-s", stop_timeout = "10s")]
fn main() {}
