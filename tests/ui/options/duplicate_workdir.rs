#[daemon::main(workdir = "/", workdir = "/")]
fn main() {}
