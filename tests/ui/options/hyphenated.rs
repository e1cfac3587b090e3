#[daemon::main(background-flag = "-d")]
fn main() {}
