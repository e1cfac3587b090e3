#[daemon::main(subcommand = ["mount", "serve", "mount"])]
fn main() {}
