//! A daemon with `restart`, which is started again at once after a crash.

use std::io;

#[daemon::main(
    pid = body::pid_file(),
    log = body::log_file(),
    ready = "exec",
    restart = "on-failure",
    restart_delay = "0s"
)]
fn main() -> io::Result<()> {
    body::run()
}
