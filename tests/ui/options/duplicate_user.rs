#[daemon::main(user = "www", user = "www")]
fn main() {}
