#[daemon::main(pid = "/run/..")]
fn main() {}
