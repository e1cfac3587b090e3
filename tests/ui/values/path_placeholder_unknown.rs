#[daemon::main(log = "/var/log/{pid}.log")]
fn main() {}
