use daemon::main;

#[main]
fn main() {}
