#[daemon::main(workdir = 5)]
fn main() {}
