//! A daemon by default, like sshd: `-f` keeps it in the foreground.
//!
//! With `foreground_flag` there is no switch. The flag stays in the arguments, so the program's own
//! parser must know it:
//!
//! ```console
//! $ cargo run --example tickd -- -f 2
//! tick 1
//! tick 2
//! $ cargo run --example tickd
//! $ head -n 1 tickd.log
//! tick 1
//! $ kill $(cat tickd.pid)
//! ```

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::env;
use std::thread;
use std::time::Duration;

#[daemon::main(pid = "{name}.pid", log = "{name}.log", foreground_flag = "-f")]
fn main() {
    let count = env::args().skip(1).find(|word| word != "-f");
    let count = count.and_then(|count| count.parse().ok());
    for tick in 1..=count.unwrap_or(u64::MAX) {
        println!("tick {tick}");
        thread::sleep(Duration::from_millis(500));
    }
}
