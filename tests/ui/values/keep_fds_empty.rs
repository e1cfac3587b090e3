#[daemon::main(keep_fds = [])]
fn main() {}
