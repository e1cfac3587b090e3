//! A program that prints one line, without the attribute.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(b"hello\n")
}
