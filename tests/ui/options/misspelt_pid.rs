#[daemon::main(pidx = "/run/a.pid")]
fn main() {}
