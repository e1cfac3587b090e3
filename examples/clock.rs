//! Control verbs and a log that is rotated: a program that writes the seconds since the epoch.
//!
//! `control_flag = "-s"` adds the verbs, `log_reopen = "SIGUSR1"` opens the log again after a
//! rotation. `logrotate` would run the two commands in the middle:
//!
//! ```console
//! $ cargo run --example clock -- -d
//! $ cargo run --example clock -- -s status
//! clock: running, pid 4242, since 2026-11-26 09:30:00, log /home/you/clock.log
//! $ mv clock.log clock.log.1
//! $ cargo run --example clock -- -s reopen
//! $ until test -s clock.log; do sleep 0.1; done; ls clock.log*
//! clock.log
//! clock.log.1
//! $ cargo run --example clock -- -s stop
//! clock: stopped, pid 4242
//! $ cargo run --example clock -- -s status
//! clock: not running (PID file /home/you/clock.pid)
//! ```
//!
//! The configuration of logrotate:
//!
//! ```text
//! /var/log/clock.log {
//!     daily
//!     rotate 7
//!     create
//!     postrotate
//!         /usr/local/bin/clock -s reopen
//!     endscript
//! }
//! ```

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::thread;
use std::time::{Duration, SystemTime};

#[daemon::main(
    pid = "{name}.pid",
    log = "{name}.log",
    control_flag = "-s",
    log_reopen = "SIGUSR1"
)]
fn main() {
    loop {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        println!("{}", now.unwrap_or_default().as_secs());
        thread::sleep(Duration::from_millis(100));
    }
}
