#[daemon::main(pid_modex = 0o600)]
fn main() {}
