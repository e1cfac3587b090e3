#[daemon::main(background_flag = "-d ")]
fn main() {}
