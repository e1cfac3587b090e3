#[daemon::main(pid_flagx = "--pid-file")]
fn main() {}
