#[daemon::main(log_reopenx = "SIGHUP")]
fn main() {}
