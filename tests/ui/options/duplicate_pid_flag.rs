#[daemon::main(pid_flag = "--pid-file", pid_flag = "--pid-file")]
fn main() {}
