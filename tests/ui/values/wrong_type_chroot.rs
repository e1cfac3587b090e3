#[daemon::main(chroot = 5)]
fn main() {}
