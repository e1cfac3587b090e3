//! The same program with the attribute.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let _daemon = daemon::Daemon::new()
        .pid_file("{runtime_dir}/hello.pid")
        .log_file("{log_dir}/hello.log")
        .enter();
    io::stdout().write_all(b"hello\n")
}
