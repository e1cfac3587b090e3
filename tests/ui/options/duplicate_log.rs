#[daemon::main(log = "/var/log/a.log", log = "/var/log/a.log")]
fn main() {}
