#[daemon::main(readyx = "notify")]
fn main() {}
