#[daemon::main(pid = "/run/a", log = "/run/a")]
fn main() {}
