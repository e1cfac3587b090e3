#[daemon::main()]
fn main() {}
