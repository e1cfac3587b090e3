#[daemon::main(pid, log = "/var/log/a.log")]
fn main() {}
