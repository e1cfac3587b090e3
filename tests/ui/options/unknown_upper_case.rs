#[daemon::main(PID = "/run/a.pid")]
fn main() {}
