//! The same program with the attribute.

use std::io::{self, Write};

#[daemon::main(pid = "{pid_dir}/hello.pid", log = "{log_dir}/hello.log")]
fn main() -> io::Result<()> {
    io::stdout().write_all(b"hello\n")
}
