#[daemon::main(logfile = "/run/a.log")]
fn main() {}
