#[daemon::main(log = "/var/log/a.log", log_reopen = "SIGKILL")]
fn main() {}
