//! This library with `ready = "exec"`.

use std::io;

#[daemon::main(pid = body::pid_file(), log = body::log_file(), ready = "exec")]
fn main() -> io::Result<()> {
    body::run()
}
