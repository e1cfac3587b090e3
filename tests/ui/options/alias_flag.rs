#[daemon::main(flag = "-d")]
fn main() {}
