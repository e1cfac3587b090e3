#[daemon::main(log = "/var/log/a.log", log_reopen = 1)]
fn main() {}
