#[daemon::main]
#[daemon::main(pid = "/run/a.pid")]
fn main() {}
