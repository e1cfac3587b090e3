#[daemon::main(group = "www", group = "www")]
fn main() {}
