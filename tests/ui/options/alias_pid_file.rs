#[daemon::main(pid_file = "/run/a.pid")]
fn main() {}
