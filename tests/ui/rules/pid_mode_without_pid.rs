#[daemon::main(pid_mode = 0o600)]
fn main() {}
