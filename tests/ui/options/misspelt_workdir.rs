#[daemon::main(workdirx = "/")]
fn main() {}
