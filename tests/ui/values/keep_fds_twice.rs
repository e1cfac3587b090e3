#[daemon::main(keep_fds = [3, 4, 3])]
fn main() {}
