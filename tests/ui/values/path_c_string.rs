#[daemon::main(log = c"/var/log/a.log")]
fn main() {}
