#[daemon::main(log = "${HOME}/a.log")]
fn main() {}
