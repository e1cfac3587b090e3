#[daemon::main(colour = "red")]
fn main() {}
