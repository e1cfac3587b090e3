#[daemon::main(log_file = "/run/a.log")]
fn main() {}
