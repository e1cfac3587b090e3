#[daemon::main(pid_flag = "--file", log_flag = "--file")]
fn main() {}
