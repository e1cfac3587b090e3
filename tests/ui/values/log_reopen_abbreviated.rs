#[daemon::main(log = "/var/log/a.log", log_reopen = "HUP")]
fn main() {}
