#[daemon::main(log = "/var/log/a.log", log_keep = 3)]
fn main() {}
