#[daemon::main(log = "/var/log/name}.log")]
fn main() {}
