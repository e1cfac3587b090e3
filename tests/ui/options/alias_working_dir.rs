#[daemon::main(working_dir = "/")]
fn main() {}
