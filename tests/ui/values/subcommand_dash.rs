#[daemon::main(subcommand = "-d")]
fn main() {}
