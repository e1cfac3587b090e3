#[daemon::main(background_flag = "-d", pid_flag = "-d")]
fn main() {}
