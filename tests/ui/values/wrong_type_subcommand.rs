#[daemon::main(subcommand = 5)]
fn main() {}
