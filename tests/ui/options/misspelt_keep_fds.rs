#[daemon::main(keep_fdsx = [3])]
fn main() {}
