#[daemon::main(log = "/var/log/a.log", log_rotate = "10M")]
fn main() {}
