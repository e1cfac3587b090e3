// `control_flag` is not told to need what is there, only wrong.
#[daemon::main(pid = 5, control_flag = "-s")]
fn main() {}
