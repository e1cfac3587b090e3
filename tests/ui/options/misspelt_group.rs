#[daemon::main(groupx = "www")]
fn main() {}
