#[daemon::main(log = "/var/log/a.log", log_reopen = "SIGHUP", log_reopen = "SIGHUP")]
fn main() {}
