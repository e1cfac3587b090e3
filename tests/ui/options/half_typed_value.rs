#[daemon::main(pid = paths.)]
fn main() {}
