#[daemon::main]
enum Server {}

fn main() {}
