#[daemon::main(background_flag = ["-d", "-d"])]
fn main() {}
