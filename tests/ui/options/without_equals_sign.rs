#[daemon::main(pid "/run/a.pid")]
fn main() {}
