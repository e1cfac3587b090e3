use std::ffi::OsString;
use std::path::{Path, PathBuf};

const WORKDIR: &str = "/";

#[daemon::main(
    pid = pid_file(),
    log = "/var/log".to_owned() + "/name.log",
    workdir = WORKDIR,
    chroot = { Path::new("/var").join("empty") },
)]
fn main() {}

fn pid_file() -> OsString {
    unreachable!("not in the foreground")
}

#[allow(dead_code)]
fn every_path_type() -> [PathBuf; 2] {
    ["relative".into(), concat!("a", "b").into()]
}
