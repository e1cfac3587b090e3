#[daemon::main]
impl Server {}

struct Server;

fn main() {}
