// The refused `pdi` may be the PID file that `control_flag` needs.
#[daemon::main(pdi = "/run/a.pid", control_flag = "-s")]
fn main() {}
