#[daemon::main(pid = "/run/a.pid", control_flag = "-s", control_flag = "-s")]
fn main() {}
