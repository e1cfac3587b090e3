#[daemon::main(control_flag = "-s")]
fn main() {}
