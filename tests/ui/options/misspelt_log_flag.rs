#[daemon::main(log_flagx = "--log-file")]
fn main() {}
