#[daemon::main(log_flag = 5)]
fn main() {}
