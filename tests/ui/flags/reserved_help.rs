#[daemon::main(background_flag = "--help")]
fn main() {}
