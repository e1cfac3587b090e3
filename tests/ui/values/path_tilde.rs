#[daemon::main(log = "~/a.log")]
fn main() {}
