#[daemon::main(uid = "www")]
fn main() {}
