//! A program that does next to nothing, without the attribute.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(b"hello\n")
}
