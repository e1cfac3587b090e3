#[daemon::main(logx = "/var/log/a.log")]
fn main() {}
