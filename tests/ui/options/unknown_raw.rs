#[daemon::main(r#pid = "/run/a.pid")]
fn main() {}
