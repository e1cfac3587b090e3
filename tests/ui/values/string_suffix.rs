#[daemon::main(log = "/var/log/a.log"x)]
fn main() {}
