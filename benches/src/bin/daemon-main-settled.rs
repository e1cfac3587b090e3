//! This library with the default readiness.

use std::io;

#[daemon::main(pid = body::pid_file(), log = body::log_file())]
fn main() -> io::Result<()> {
    body::run()
}
