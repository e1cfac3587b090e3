#[daemon::main(chroot = "/var/empty", chroot = "/var/empty")]
fn main() {}
