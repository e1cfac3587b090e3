#[daemon::main(log = "/var/log/{nmae}.log")]
fn main() {}
