#[daemon::main(pid_flag = 5)]
fn main() {}
