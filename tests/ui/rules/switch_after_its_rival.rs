#[daemon::main(pid_flag = "-b", background_flag = "-b")]
fn main() {}
