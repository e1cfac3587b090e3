#[daemon::main(pid = "{pid_dir}/{instance}.pid")]
fn main() {}
