//! Who is measured, how it is started, and what its launch includes.

use crate::programs::Program;

/// One way to start a daemon.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// `{pid}` and `{log}` stand for the files of this run, `{built}` for where the programs are.
    pub(crate) arguments: &'static [&'static str],
    pub(crate) outcome: Outcome,
    /// What is done, and what the prompt means.
    pub(crate) work: &'static str,
}

/// What must be there after a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No daemon at all.
    Nothing,
    /// A daemon that says that it is up.
    Daemon,
    /// The same, and a PID file that holds its pid.
    PidFile,
}

const fn built(name: &'static str) -> Program {
    Program::Rust(name)
}

const fn tool(name: &'static str, package: &'static str) -> Program {
    Program::Tool { name, package }
}

/// The contestant that the ratios are relative to.
pub(crate) const OURS: &str = "ours, exec";

/// The contestant that does nothing.
pub(crate) const FLOOR: &str = "no-op";

/// Everyone, in the order of the tables.
pub(crate) const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: FLOOR,
        program: built("noop"),
        arguments: &[],
        outcome: Outcome::Nothing,
        work: "none: the floor, any program that starts and ends",
    },
    Contestant {
        name: "bare spawn",
        program: built("spawn"),
        arguments: &["bare"],
        outcome: Outcome::Daemon,
        work: "none: `posix_spawn` of itself; prompt after the exec",
    },
    Contestant {
        name: "bare spawn, byte",
        program: built("spawn"),
        arguments: &["byte"],
        outcome: Outcome::Daemon,
        work: "none: the same, prompt after the child wrote one byte in `main`",
    },
    Contestant {
        name: OURS,
        program: built("ours"),
        arguments: &["exec", "-d"],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt after the exec",
    },
    Contestant {
        name: "ours, start()",
        program: built("ours-start"),
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; called from `main`; prompt after the exec",
    },
    Contestant {
        name: "ours, notify",
        program: built("ours"),
        arguments: &["notify", "-d"],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt after `daemon::ready()`",
    },
    Contestant {
        name: "ours, listening",
        program: built("ours"),
        arguments: &["listening", "-d"],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt when its socket listens",
    },
    Contestant {
        name: "ours, settled",
        program: built("ours"),
        arguments: &["settled", "-d"],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt when it was quiet for 50 ms",
    },
    Contestant {
        name: "daemonize",
        program: built("peer-daemonize"),
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt after the second fork, before the PID file",
    },
    Contestant {
        name: "daemonize-me",
        program: built("peer-daemonize-me"),
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, log, no lock, one fork; prompt after the fork, before the PID file",
    },
    Contestant {
        name: "fork, daemon",
        program: built("peer-fork"),
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log by hand; prompt after the first fork, before all of it",
    },
    Contestant {
        name: "fork, checked_daemon",
        program: built("peer-fork"),
        arguments: &["checked"],
        outcome: Outcome::PidFile,
        work: "PID file, lock by hand, log; prompt after the daemon's word",
    },
    Contestant {
        name: "blivet",
        program: built("peer-blivet"),
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt after the daemon's word",
    },
    Contestant {
        name: "go-daemon",
        program: Program::Go,
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; re-exec; prompt after the exec, before the pid is written",
    },
    Contestant {
        name: "C after APUE",
        program: Program::C("apue"),
        arguments: &[],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt after the first fork, before all of it",
    },
    Contestant {
        name: "C daemon(3)",
        program: Program::C("daemon3"),
        arguments: &[],
        outcome: Outcome::Daemon,
        work: "no PID file, no lock, no log, one fork; prompt after the fork",
    },
    Contestant {
        name: "start-stop-daemon",
        program: tool("start-stop-daemon", "dpkg"),
        arguments: &[
            "--start",
            "--background",
            "--make-pidfile",
            "--pidfile",
            "{pid}",
            "--output",
            "{log}",
            "--exec",
            "{built}/sleeper",
        ],
        outcome: Outcome::PidFile,
        work: "PID file, log, no lock; prompt after the second fork, before the exec",
    },
    Contestant {
        name: "daemonize(1)",
        program: tool("daemonize", "daemonize"),
        arguments: &[
            "-a",
            "-p",
            "{pid}",
            "-l",
            "{pid}.lock",
            "-o",
            "{log}",
            "-e",
            "{log}",
            "{built}/sleeper",
        ],
        outcome: Outcome::PidFile,
        work: "PID file, lock, log; prompt after the fork, before the exec",
    },
    Contestant {
        name: "setsid -f",
        program: tool("setsid", "util-linux"),
        arguments: &["--fork", "{built}/sleeper"],
        outcome: Outcome::Daemon,
        work: "no PID file, no lock, no log, one fork; prompt after the fork",
    },
    Contestant {
        name: "nohup &",
        program: tool("sh", "dash"),
        arguments: &[
            "-c",
            "nohup \"$1\" </dev/null >>\"$2\" 2>&1 &",
            "sh",
            "{built}/sleeper",
            "{log}",
        ],
        outcome: Outcome::Daemon,
        work: "log, no PID file, no lock, no session of its own; with the start of `sh`",
    },
];
