#[daemon::main(log_reopen = "SIGHUP")]
fn main() {}
