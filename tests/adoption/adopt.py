#!/usr/bin/env python3
"""Converts published programs to this library, and runs their own tests before and after.

    python3 tests/adoption/adopt.py [--no-tests] DIRECTORY [PROGRAM ...]

cargo downloads the sources into its own registry directory; DIRECTORY gets two copies of each
program, as published and converted, and one build directory for all. A conversion names what it
takes away and what it puts there, so no foreign code is kept here. An edit that finds nothing is an
error: then the program has changed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Source:
    """A file that is edited. It counts the lines that go and come."""

    def __init__(self, path):
        self.path, self.removed, self.added = path, 0, 0
        self.text = path.read_text()

    def replace(self, old, new=""):
        if self.text.count(old) != 1:
            sys.exit(f"{self.path}: {self.text.count(old)} times {old!r}")
        self.text = self.text.replace(old, new)
        self.count(old, new)

    def remove_item(self, head):
        """Removes an item with its comments and attributes: to its closing brace, or one line."""
        lines = self.text.split("\n")
        found = [at for at, line in enumerate(lines) if re.match(head + r"\b", line)]
        if not found:
            sys.exit(f"{self.path}: no item {head!r}")
        begin = end = found[0]
        if not lines[begin].rstrip().endswith((";", "{}", "}")):
            while lines[end].rstrip() not in ("}", ");", "};"):
                end += 1
        while re.match(r"\s*(///|//|#\[)", lines[begin - 1]):
            begin -= 1
        if begin and end + 1 < len(lines) and lines[begin - 1] == lines[end + 1] == "":
            end += 1
        self.count("\n".join(lines[begin : end + 1]), "")
        self.text = "\n".join(lines[:begin] + lines[end + 1 :])

    def append(self, text):
        self.text = self.text.rstrip("\n") + "\n\n" + text
        self.count("", text)

    def count(self, old, new):
        lines = lambda text: [line for line in text.split("\n") if line.strip()]
        old, new = lines(old), lines(new)
        kept = [line for line in new if line in old]
        self.removed += len(old) - len(kept)
        self.added += len(new) - len(kept)


class Program:
    """A published program: its version, what the conversion does, and how it is tried."""

    def __init__(self, name, version, what, convert, prepare=None):
        self.name, self.version, self.what = name, version, what
        self.convert, self.prepare = convert, prepare


def moadim(open_file):
    """Background by default, a foreground flag, and its own verbs `stop` and `status`."""
    cli = open_file("src/cli.rs")
    for item in [
        "const PROBE_TIMEOUT", "const DAEMONIZED_ENV", "pub fn run_background", "pub fn stop",
        "pub fn status", "pub fn write_pid_file", "pub fn clear_pid_file", "fn read_pid_file",
        "fn paths_daemon_log", "fn is_running", "fn http_request", "fn parse_status_code",
        "fn spawn_detached", "fn detach", "fn detach",
    ]:
        cli.remove_item(item)
    cli.replace("use std::io::{Read as _, Write as _};\n")
    cli.replace("use std::net::SocketAddr;\n")
    cli.replace("fn ensure_config_gitignore()", "pub fn ensure_config_gitignore()")
    cli.append("""\
/// The background server.
pub fn daemon() -> anyhow::Result<::daemon::Daemon> {
    std::fs::create_dir_all(crate::paths::config_dir())?;
    ensure_config_gitignore();
    let daemon = ::daemon::Daemon::new().pid(crate::paths::pid_file());
    Ok(daemon
        .log(crate::paths::daemon_log_file())
        .ready(::daemon::Readiness::listening()))
}

/// Stops the background server.
pub fn stop() -> anyhow::Result<()> {
    match daemon()?.control()?.stop(Duration::from_secs(10))? {
        ::daemon::Stopped::NotRunning => println!("moadim is not running"),
        _ => println!("moadim has stopped"),
    }
    Ok(())
}

/// Prints whether the background server runs.
pub fn status() -> anyhow::Result<()> {
    match daemon()?.control()?.status()? {
        ::daemon::Status::Running { pid, .. } => {
            println!("moadim is running (pid {pid}) at http://{BIND_ADDR}");
        }
        _ => println!("moadim is not running"),
    }
    Ok(())
}
""")
    tests = open_file("src/cli_tests.rs")
    # They test functions that are gone.
    for item in ["fn parses_http_status_code", "fn rejects_malformed_status_line"]:
        tests.remove_item(item)
    main = open_file("src/main.rs")
    main.replace("#[tokio::main]\nasync fn main()", "fn main()")
    main.replace(
        "cli::run_background(),",
        "{\n            let _daemon = cli::daemon()?.start();\n            run_server()\n        }",
    )
    main.replace("run_server().await", "run_server()")
    main.replace("\nasync fn run_server()", "\n#[tokio::main]\nasync fn run_server()")
    main.replace("    cli::write_pid_file()?;\n")
    main.replace("    cli::clear_pid_file();\n")


def without_download(package):
    """The files of a web page come from the registry, not from the network."""
    manifest = package / "Cargo.toml"
    old, new = "version = \"9\"\nfeatures = [\"axum\"]", "version = \"9\"\nfeatures = [\"axum\", \"vendored\"]"
    manifest.write_text(manifest.read_text().replace(old, new))


def reminder(open_file):
    """Verbs below a subcommand: `reminder daemon start`, `stop`, `status`, `run`."""
    daemon = open_file("src/daemon.rs")
    for item in ["start_daemon", "stop_daemon", "daemon_status", "is_daemon_running"]:
        daemon.remove_item(f"pub fn {item}")
    daemon.replace("use anyhow::{Context, Result};", "use ::daemon::{Daemon, Status, Stopped};\nuse anyhow::Result;")
    daemon.replace("use std::fs;\n")
    daemon.replace("use std::process::{Command, Stdio};\n")
    daemon.append("""\
fn daemon() -> Result<Daemon> {
    Ok(Daemon::new()
        .pid(Storage::pid_file_path()?)
        .log(Storage::log_file_path()?))
}

pub fn start_daemon() -> Result<()> {
    let _daemon = daemon()?.start();
    run_daemon_loop()
}

pub fn stop_daemon() -> Result<()> {
    match daemon()?.control()?.stop(Duration::from_secs(10))? {
        Stopped::NotRunning => println!("Daemon is not running"),
        _ => println!("Daemon stopped"),
    }
    Ok(())
}

pub fn daemon_status() -> Result<()> {
    match daemon()?.control()?.status()? {
        Status::Running { pid, .. } => println!("Daemon is running (PID: {pid})"),
        _ => println!("Daemon is not running"),
    }
    Ok(())
}
""")


def encrypted_dns(open_file):
    """A DNS server whose configuration file says `daemonize`, with sockets bound as root."""
    main = open_file("src/main.rs")
    begin = main.text.index("    if config.daemonize {\n        let mut daemon")
    end = main.text.index("    Ok(())\n", begin)
    main.replace(main.text[begin:end])
    main.replace(
        "        if !config.daemonize {\n            pd = pd.chroot(chroot);\n        }\n",
        "        pd = pd.chroot(chroot);\n",
    )
    updater = "    let time_updater = coarsetime::Updater::new(1000).start()?;\n"
    main.replace(updater)
    main.replace(
        "    let config = Config::from_path(config_path)?;\n",
        """\
    let config = Config::from_path(config_path)?;
    if config.daemonize {
        let mut daemon = daemon::Daemon::new();
        if let Some(path) = &config.pid_file {
            daemon = daemon.pid(path);
        }
        if let Some(path) = &config.log_file {
            daemon = daemon.log(path);
        }
        daemon.start();
    }
""" + updater,
    )
    manifest = open_file("Cargo.toml")
    manifest.replace('[dependencies.daemonize-simple]\nversion = "0.1.6"\n')


def simple_irc_server(open_file):
    """A chat server without a background: it gets one."""
    main = open_file("src/main.rs")
    main.replace(
        "#[tokio::main]\n",
        """\
#[daemon::main(
    background_flag = "--background",
    pid = "{pid_dir}/{name}.pid",
    log = "{log_dir}/{name}.log",
    ready = "listening",
    control_flag = "--control",
)]
#[tokio::main]
""",
    )


PROGRAMS = [
    Program("moadim", "0.6.0", "runs cron jobs", moadim, without_download),
    Program("encrypted-dns", "0.9.22", "a DNS server", encrypted_dns),
    Program("simple-irc-server", "0.1.8", "a chat server", simple_irc_server),
    Program("reminder-cli", "0.6.0", "sends reminders", reminder),
]


def fetch(program, directory):
    """The published source, by way of cargo."""
    project = directory / "fetch"
    shutil.rmtree(project, ignore_errors=True)
    (project / "src").mkdir(parents=True)
    (project / "src/lib.rs").touch()
    (project / "Cargo.toml").write_text(
        '[package]\nname = "fetch"\nedition = "2021"\n[workspace]\n[dependencies]\n'
        f'{program.name} = "={program.version}"\n'
    )
    run(["cargo", "fetch", "-q"], project)
    registry = pathlib.Path(os.environ.get("CARGO_HOME", "~/.cargo")).expanduser() / "registry/src"
    (source,) = registry.glob(f"*/{program.name}-{program.version}")
    return source


def run(command, directory):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def copy(program, source, directory, kind):
    target = directory / f"{program.name}-{kind}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    build = directory / "target"
    build.mkdir(exist_ok=True)
    # Some tests look for the program below their package.
    (target / "target").symlink_to(build)
    if program.prepare:
        program.prepare(target)
    return target


def convert(program, package):
    files = {}
    def open_file(name):
        return files.setdefault(name, Source(package / name))
    program.convert(open_file)
    removed, added = (sum(getattr(it, what) for it in files.values()) for what in ["removed", "added"])
    for source in files.values():
        source.path.write_text(source.text)
    with (package / "Cargo.toml").open("a") as manifest:
        manifest.write(
            f'\n[dependencies.daemon]\npackage = "daemon-main"\npath = "{ROOT}"\n'
        )
    return removed, added


def test(package):
    """How many tests passed and failed, with a home directory of their own."""
    home = pathlib.Path("~").expanduser()
    environment = {"CARGO_HOME": str(home / ".cargo"), "RUSTUP_HOME": str(home / ".rustup")}
    environment |= os.environ | {"HOME": str(package)}
    command = ["cargo", "test", "--no-fail-fast"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, env=environment)
    results = re.findall(r"^test result: .*?(\d+) passed; (\d+) failed", done.stdout, re.M)
    if not results:
        return done.stderr[-2000:]
    passed, failed = (sum(int(result[at]) for result in results) for at in [0, 1])
    failures = sorted(set(re.findall(r"^test (\S+) .*FAILED$", done.stdout, re.M)))
    return f"{passed} passed, {failed} failed" + "".join(f" {name}" for name in failures)


def main():
    arguments = sys.argv[1:]
    with_tests = "--no-tests" not in arguments
    directory, *names = [it for it in arguments if not it.startswith("-")]
    directory = pathlib.Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        if names and program.name not in names:
            continue
        source = fetch(program, directory)
        before = copy(program, source, directory, "before")
        after = copy(program, source, directory, "after")
        removed, added = convert(program, after)
        print(f"{program.name} {program.version}, {program.what}: {removed} lines removed, {added} added", flush=True)
        if with_tests:
            print(f"  before: {test(before)}", flush=True)
            print(f"  after:  {test(after)}", flush=True)


main()
