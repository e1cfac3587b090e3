#[daemon::main(pid = "/run/a.pid", control_flag = 5)]
fn main() {}
