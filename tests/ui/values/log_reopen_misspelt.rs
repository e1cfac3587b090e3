#[daemon::main(log = "/var/log/a.log", log_reopen = "SIGHUB")]
fn main() {}
