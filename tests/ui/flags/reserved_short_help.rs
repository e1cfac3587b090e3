#[daemon::main(background_flag = "-h")]
fn main() {}
