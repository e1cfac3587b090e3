// The PID file that `control_flag` needs is there, with a wrong value.
#[daemon::main(pid = 5, control_flag = "-s")]
fn main() {}
