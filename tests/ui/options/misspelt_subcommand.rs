#[daemon::main(subcommandx = "mount")]
fn main() {}
