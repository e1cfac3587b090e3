#[daemon::main(log = "/var/log/")]
fn main() {}
