#[daemon::main(background_flag = "-V")]
fn main() {}
