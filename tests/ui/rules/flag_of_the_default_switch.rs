#[daemon::main(pid_flag = "-d")]
fn main() {}
