#[daemon::main(cwd = "/")]
fn main() {}
