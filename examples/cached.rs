//! A client that starts its daemon, in the manner of sccache: both are one program.
//!
//! `cached get KEY` asks the daemon over a Unix socket, and starts it if there is none. The daemon
//! counts how often a key is asked for. `cached daemon` runs it in the foreground:
//!
//! ```console
//! $ cargo run --example cached -- get apple
//! apple: 1
//! $ cargo run --example cached -- get apple
//! apple: 2
//! $ cat cached.log
//! serving cached.sock
//! $ cargo run --example cached -- stop
//! cached: stopped, pid 4242
//! $ cargo run --example cached
//! usage: cached get KEY, cached daemon|start|stop|status|restart
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints"
)]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::{env, fs, io};

use daemon::{Daemon, PathSource, Readiness};

const SOCKET: &str = "cached.sock";

fn settings() -> Daemon {
    Daemon::new()
        .pid(PathSource::template("{name}.pid"))
        .log(PathSource::template("{name}.log"))
        .pid_in_foreground(true)
        .control_subcommands("daemon")
        .ready(Readiness::notify())
}

fn main() -> ExitCode {
    // The daemon takes its hand-off here, and the verbs do their work. A client continues.
    let _running = settings().enter();
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["daemon"] => serve().map_err(Into::into),
        ["get", key] => get(key),
        _ => {
            eprintln!("usage: cached get KEY, cached daemon|start|stop|status|restart");
            return ExitCode::from(64);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cached: {error}");
            ExitCode::FAILURE
        }
    }
}

fn get(key: &str) -> Result<(), Box<dyn Error>> {
    let started = settings().args(["daemon"]).ensure();
    started.inspect_err(|error| {
        // Why the daemon could not start, in its own words.
        eprint!("{}", String::from_utf8_lossy(error.output()));
    })?;
    let mut server = UnixStream::connect(SOCKET)?;
    writeln!(server, "{key}")?;
    server.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    print!("{answer}");
    Ok(())
}

fn serve() -> io::Result<()> {
    // The PID file is locked, so the socket of another daemon is one that has ended.
    fs::remove_file(SOCKET).ok();
    let listener = UnixListener::bind(SOCKET)?;
    println!("serving {SOCKET}");
    daemon::ready();
    let mut counts = HashMap::new();
    loop {
        let (client, _) = listener.accept()?;
        if let Err(error) = answer(client, &mut counts) {
            eprintln!("a client: {error}");
        }
    }
}

fn answer(mut client: UnixStream, counts: &mut HashMap<String, u32>) -> io::Result<()> {
    let mut key = String::new();
    BufReader::new(&client).read_line(&mut key)?;
    let key = key.trim_end();
    let count = counts.entry(key.to_owned()).or_default();
    *count += 1;
    writeln!(client, "{key}: {count}")
}
