#[daemon::main]
struct Server;

fn main() {}
