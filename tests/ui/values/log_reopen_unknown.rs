#[daemon::main(log = "/var/log/a.log", log_reopen = "rotate")]
fn main() {}
