//! `Daemon::start()` with a parser of the program's own: a directory is served over HTTP in the
//! background, like `juicefs mount -d`.
//!
//! clap is the only parser here, because the paths depend on its result. The code before
//! `start()` also runs in the launcher, so a wrong volume or a missing directory is reported before
//! there is a daemon. When the prompt returns, the server answers:
//!
//! ```console
//! $ mkdir files; echo hello >files/greeting
//! $ cargo run --features clap --example mount -- format docs.vol docs
//! docs is formatted in docs.vol
//! $ cargo run --features clap --example mount -- mount -d docs.vol missing
//! mount: missing: No such file or directory (os error 2)
//! $ cargo run --features clap --example mount -- mount -d docs.vol files
//! $ cargo run --features clap --example mount -- status docs.vol
//! docs is ready at http://127.0.0.1:40123/, pid 4242
//! $ curl --silent $(cat docs.vol/url)greeting
//! hello
//! $ cargo run --features clap --example mount -- umount docs.vol
//! docs is unmounted
//! $ cargo run --features clap --example mount -- status docs.vol
//! docs is not mounted in the background
//! ```
//!
//! On a terminal the fourth command also prints this line. Its first part is the text that the
//! program passed to `daemon::status()`:
//!
//! ```text
//! mount: OK, docs is ready at http://127.0.0.1:40123/; running in the background, pid 4242, log /home/you/.local/state/mount.log
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};
use daemon::clap::{Switch, show_default};
use daemon::{Control, Daemon, PathSource, Readiness, Status, Stopped};

const LOG_FILE: &str = "{log_dir}/{name}.log";

/// Serves directories over HTTP
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Makes a volume
    Format {
        /// The directory to make
        volume: PathBuf,
        /// The name of the volume
        name: String,
    },
    /// Serves a directory as a volume
    // The user cannot choose the PID file: `umount` and `status` find the daemon by it.
    #[command(mut_arg("log_file", |arg| show_default(arg, PathSource::template(LOG_FILE))))]
    Mount {
        #[command(flatten)]
        switch: Switch,
        /// In the background, append all output to PATH
        #[arg(long, value_name = "PATH")]
        log_file: Option<PathBuf>,
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:0")]
        address: SocketAddr,
        /// A directory that `format` has made
        volume: PathBuf,
        /// The directory to serve
        directory: PathBuf,
    },
    /// Stops serving a volume
    Umount { volume: PathBuf },
    /// Prints whether a volume is served, and where
    Status { volume: PathBuf },
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Format { volume, name } => format(&volume, &name),
        Verb::Mount {
            switch,
            log_file,
            address,
            volume,
            directory,
        } => {
            let daemon = Daemon::new().log(PathSource::template(LOG_FILE));
            let daemon = match log_file {
                Some(path) => daemon.log(path),
                None => daemon,
            };
            let daemon = switch.is_asked.then_some(daemon);
            mount(daemon, address, &Volume(volume), &directory)
        }
        Verb::Umount { volume } => umount(&Volume(volume)),
        Verb::Status { volume } => status(&Volume(volume)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("mount: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// A directory with the name of the volume and, while it is served in the background, its address and
/// its PID file.
struct Volume(PathBuf);

impl Volume {
    fn read(&self, file: &str) -> Result<String, String> {
        let path = self.0.join(file);
        fs::read_to_string(&path).map_err(|error| about(&path, &error))
    }

    fn write(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.0.join(file);
        fs::write(&path, text).map_err(|error| about(&path, &error))
    }

    fn pid_file(&self) -> PathBuf {
        self.0.join("pid")
    }
}

fn format(volume: &Path, name: &str) -> Result<(), String> {
    fs::create_dir(volume).map_err(|error| about(volume, &error))?;
    Volume(volume.to_owned()).write("name", name)?;
    println!("{name} is formatted in {}", volume.display());
    Ok(())
}

fn mount(
    daemon: Option<Daemon>,
    address: SocketAddr,
    volume: &Volume,
    directory: &Path,
) -> Result<(), String> {
    let name = volume.read("name")?;
    let directory = directory
        .canonicalize()
        .map_err(|error| about(directory, &error))?;
    let _daemon = daemon.map(|daemon| {
        let daemon = daemon.pid(volume.pid_file());
        daemon.ready(Readiness::notify()).start()
    });

    let listener = TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let url = format!("http://{address}/");
    // A program in the foreground can run beside the daemon, and `status` asks for the daemon.
    if daemon::is_daemon() {
        volume.write("url", &url)?;
    }
    println!("OK, {name} is ready at {url}");
    daemon::status(format!("OK, {name} is ready at {url}"));
    daemon::ready();

    for client in listener.incoming().flatten() {
        let directory = directory.clone();
        thread::spawn(move || answer(&client, &directory));
    }
    Ok(())
}

fn umount(volume: &Volume) -> Result<(), String> {
    let name = volume.read("name")?;
    let grace = Duration::from_secs(10);
    let stopped = Control::new(volume.pid_file()).stop(grace);
    match stopped.map_err(|error| error.to_string())? {
        Stopped::NotRunning => println!("{name} was not mounted in the background"),
        _ => println!("{name} is unmounted"),
    }
    Ok(())
}

fn status(volume: &Volume) -> Result<(), String> {
    let name = volume.read("name")?;
    let status = Control::new(volume.pid_file()).status();
    match status.map_err(|error| error.to_string())? {
        Status::Running { pid, .. } => {
            println!("{name} is ready at {}, pid {pid}", volume.read("url")?);
        }
        _ => println!("{name} is not mounted in the background"),
    }
    Ok(())
}

/// Answers one request: with the bytes of a file, or with the names in a directory.
fn answer(client: &TcpStream, directory: &Path) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(client.take(64 * 1024)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // With unread headers the connection would be reset, and the client could lose the answer.
    for header in lines {
        if header?.is_empty() {
            break;
        }
    }
    let content = match wanted(&request) {
        Some(path) => content(&directory.join(path)),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    let (status, body) = match content {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let mut client = client;
    write!(
        client,
        "HTTP/1.0 {status}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    client.write_all(&body)
}

/// The path in a request, if it stays below the directory.
fn wanted(request: &str) -> Option<&Path> {
    let path = Path::new(request.strip_prefix("GET /")?.split(' ').next()?);
    let is_name = |component| matches!(component, Component::Normal(_));
    path.components().all(is_name).then_some(path)
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    if !path.is_dir() {
        return fs::read(path);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.extend(entry?.file_name().as_encoded_bytes());
        names.push(b'\n');
    }
    Ok(names)
}

fn about(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
