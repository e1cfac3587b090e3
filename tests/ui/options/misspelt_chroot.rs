#[daemon::main(chrootx = "/var/empty")]
fn main() {}
