//! Opens the PID file, reads it and says what stands in it: what a program that asks for a daemon
//! costs at least.

use std::fs;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let content = fs::read(body::pid_file())?;
    io::stdout().write_all(&content)
}
