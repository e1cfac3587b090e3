#[daemon::main(log_flag = "--log-file", log_flag = "--log-file")]
fn main() {}
