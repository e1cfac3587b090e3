#[daemon::main(userx = "www")]
fn main() {}
