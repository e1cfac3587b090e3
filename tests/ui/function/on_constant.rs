#[daemon::main]
const SERVER: u8 = 1;

fn main() {}
