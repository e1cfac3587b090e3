#[daemon::main(background_flag = "-b", log_flag = "--background")]
fn main() {}
