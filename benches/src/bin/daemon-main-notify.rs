//! This library with `ready = "notify"`.

use std::io;

#[daemon::main(pid = body::pid_file(), log = body::log_file(), ready = "notify")]
fn main() -> io::Result<()> {
    daemon::ready();
    body::run()
}
