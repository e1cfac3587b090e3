#[daemon::main(output = "/run/a.log")]
fn main() {}
