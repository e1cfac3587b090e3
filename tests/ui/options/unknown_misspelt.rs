#[daemon::main(pidd = "/run/a.pid")]
fn main() {}
