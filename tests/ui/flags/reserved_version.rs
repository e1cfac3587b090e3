#[daemon::main(background_flag = "--version")]
fn main() {}
