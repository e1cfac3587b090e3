#[daemon::main(subcommand = "")]
fn main() {}
