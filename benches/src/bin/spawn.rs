//! The least that a launch by re-exec can cost: `spawn` starts itself and ends. `spawn byte` first
//! waits for one byte that its child writes first in `main`.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

fn main() -> io::Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let mut program = Command::new("/proc/self/exe");
    match argument.as_str() {
        "child" => body::run(),
        "writing-child" => {
            io::stdout().write_all(b"!")?;
            io::stdout().flush()?;
            body::run()
        }
        "byte" => {
            let (mut reader, writer) = io::pipe()?;
            program.arg("writing-child").stdout(writer).spawn()?;
            // The command holds the other end of the pipe, so the read would not see the child's end.
            drop(program);
            reader.read_exact(&mut [0])
        }
        _ => program
            .arg("child")
            .stdout(Stdio::inherit())
            .spawn()
            .map(drop),
    }
}
