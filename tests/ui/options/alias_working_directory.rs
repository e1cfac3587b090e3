#[daemon::main(working_directory = "/")]
fn main() {}
