//! A program with control verbs.

use std::io;

#[daemon::main(pid = body::pid_file(), control_flag = "-s", ready = "exec")]
fn main() -> io::Result<()> {
    body::run()
}
