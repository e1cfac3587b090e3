#[daemon::main(log_flag = "log")]
fn main() {}
