//! The behaviour of programs that differ only in `main`: they print their pid, and then stay,
//! or end with `--end`, or fail with `--fail`.

use std::env;
use std::process;
use std::thread;

/// Stays, or tells how the program is to end.
pub(crate) fn follow() -> Result<(), &'static str> {
    println!("process {}", process::id());
    match env::args().nth(1).as_deref() {
        None => loop {
            thread::park();
        },
        Some("--end") => Ok(()),
        Some(_) => Err("no luck"),
    }
}
