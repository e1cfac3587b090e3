#[daemon::main(background_flag = 5)]
fn main() {}
