#[daemon::main(log = "/var/log/{}.log")]
fn main() {}
