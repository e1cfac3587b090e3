#[daemon::main(
    pidd = "/run/a.pid",
    log = "/var/log/",
    "/run/b.pid",
    umask = 22,
    log = "/var/log/a.log",
    ready = "later",
)]
fn main() {}
