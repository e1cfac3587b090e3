#[daemon::main]
mod server {}

fn main() {}
