#[daemon::main(background_flag = "-d", background_flag = "-d")]
fn main() {}
