#[daemon::main(stdout = "/run/a.log")]
fn main() {}
