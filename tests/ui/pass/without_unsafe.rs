#![forbid(unsafe_code)]

#[daemon::main(pid = "/run/a.pid", log = "a.log")]
fn main() {}
