//! Reads the PID file and prints it: the least that a program which asks for a daemon costs.

use std::fs;
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let content = fs::read(body::pid_file())?;
    io::stdout().write_all(&content)
}
