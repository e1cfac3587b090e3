#[daemon::main(subcommand = "mount", subcommand = "mount")]
fn main() {}
