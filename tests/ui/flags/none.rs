#[daemon::main(background_flag = [])]
fn main() {}
