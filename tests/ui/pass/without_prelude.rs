#![no_implicit_prelude]

#[::daemon::main(pid = "/run/a.pid", log = "a.log", ready_timeout = 5, keep_fds = [3])]
fn main() {}
