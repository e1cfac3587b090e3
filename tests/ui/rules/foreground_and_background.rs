#[daemon::main(background_flag = "-d", foreground_flag = "-f")]
fn main() {}
