#[daemon::main(detach_flag = "-d")]
fn main() {}
