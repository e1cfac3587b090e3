#[daemon::main(log = b"/var/log/a.log")]
fn main() {}
