#[daemon::main]
static SERVER: u8 = 1;

fn main() {}
