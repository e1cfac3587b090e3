#[daemon::main(keep_fds = [1])]
fn main() {}
