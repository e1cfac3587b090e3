#[daemon::main(workdir = "~")]
fn main() {}
