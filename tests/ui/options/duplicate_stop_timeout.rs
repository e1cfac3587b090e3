#[daemon::main(pid = "/run/a.pid", control_flag = "-s", stop_timeout = 5, stop_timeout = 5)]
fn main() {}
