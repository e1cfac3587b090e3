#[daemon::main(background_flag = "-dd")]
fn main() {}
