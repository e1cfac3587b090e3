#[daemon::main(pid_flag = "pid")]
fn main() {}
