#[daemon::main(keep_fds = 3)]
fn main() {}
