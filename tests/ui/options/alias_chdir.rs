#[daemon::main(chdir = "/")]
fn main() {}
