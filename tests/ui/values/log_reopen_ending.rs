#[daemon::main(log = "/var/log/a.log", log_reopen = "SIGTERM")]
fn main() {}
