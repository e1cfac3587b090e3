#[daemon::main(stderr = "/run/a.log")]
fn main() {}
