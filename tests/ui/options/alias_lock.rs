#[daemon::main(lock = "/run/a.pid")]
fn main() {}
