#[daemon::main(syslog = "deamon")]
fn main() {}
