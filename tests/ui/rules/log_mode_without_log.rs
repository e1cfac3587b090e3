#[daemon::main(log_mode = 0o600)]
fn main() {}
