#[daemon::main(gid = "www")]
fn main() {}
