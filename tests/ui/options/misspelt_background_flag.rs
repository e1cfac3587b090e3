#[daemon::main(background_flagx = "-d")]
fn main() {}
