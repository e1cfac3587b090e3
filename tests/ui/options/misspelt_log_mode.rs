#[daemon::main(log_modex = 0o600)]
fn main() {}
