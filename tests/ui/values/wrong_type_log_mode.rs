#[daemon::main(log = "/var/log/a.log", log_mode = "0o600")]
fn main() {}
