// `control_flag` is not told to need what was only misspelt.
#[daemon::main(pdi = "/run/a.pid", control_flag = "-s")]
fn main() {}
