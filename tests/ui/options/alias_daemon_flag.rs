#[daemon::main(daemon_flag = "-d")]
fn main() {}
