#[daemon::main(background_flag = "--detach=yes")]
fn main() {}
