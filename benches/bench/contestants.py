"""The ways to start a daemon that are measured, and what the launch of each includes."""

from dataclasses import dataclass
from enum import Enum


class Prompt(Enum):
    """When the launcher returns."""

    NONE = "no daemon"
    AFTER = "the prompt comes after the daemon's word"
    BEFORE = "the prompt comes before the daemon's word"


@dataclass(frozen=True)
class Contestant:
    name: str
    program: str  # a name that programs.find() knows
    prompt: Prompt
    work: str
    arguments: tuple = ()  # {pid}, {log} and {built} are replaced
    has_pid_file: bool = True


OWN = "daemon-main, exec"
FLOOR = "no-op"

CONTESTANTS = [
    Contestant(FLOOR, "noop", Prompt.NONE, "none: a program that starts and ends", has_pid_file=False),
    Contestant(
        "bare spawn, byte",
        "spawn",
        Prompt.AFTER,
        "none: `posix_spawn` of itself; after the child wrote one byte in `main`",
        ("byte",),
        has_pid_file=False,
    ),
    Contestant(OWN, "daemon-main", Prompt.AFTER, "PID file, lock, log; after the exec", ("exec", "-d")),
    Contestant(
        "daemon-main, start()",
        "daemon-main-start",
        Prompt.AFTER,
        "PID file, lock, log; called from `main`; after the exec",
    ),
    Contestant(
        "daemon-main, notify",
        "daemon-main",
        Prompt.AFTER,
        "PID file, lock, log; after `daemon::ready()`",
        ("notify", "-d"),
    ),
    Contestant(
        "daemon-main, listening",
        "daemon-main",
        Prompt.AFTER,
        "PID file, lock, log; when its socket listens",
        ("listening", "-d"),
    ),
    Contestant(
        "daemon-main, settled",
        "daemon-main",
        Prompt.AFTER,
        "PID file, lock, log; when all its threads wait",
        ("settled", "-d"),
    ),
    Contestant(
        "fork, checked_daemon",
        "peer-fork",
        Prompt.AFTER,
        "PID file and lock by hand, log; after the daemon's word",
        ("checked",),
    ),
    Contestant("blivet", "peer-blivet", Prompt.AFTER, "PID file, lock, log; after the daemon's word"),
    Contestant(
        "bare spawn",
        "spawn",
        Prompt.BEFORE,
        "none: `posix_spawn` of itself; after the exec",
        ("bare",),
        has_pid_file=False,
    ),
    Contestant(
        "daemonize", "peer-daemonize", Prompt.BEFORE, "PID file, lock, log; after the second fork, before the PID file"
    ),
    Contestant(
        "daemonize-me",
        "peer-daemonize-me",
        Prompt.BEFORE,
        "PID file, log, no lock; after the only fork, before the PID file",
    ),
    Contestant(
        "fork, daemon",
        "peer-fork",
        Prompt.BEFORE,
        "PID file, lock, log by hand; after the first fork, before all of it",
    ),
    Contestant(
        "go-daemon",
        "go-daemon",
        Prompt.BEFORE,
        "PID file, lock, log; re-exec; after the exec, before the pid is written",
    ),
    Contestant("C after APUE", "apue", Prompt.BEFORE, "PID file, lock, log; after the first fork, before all of it"),
    Contestant(
        "C daemon(3)", "daemon3", Prompt.BEFORE, "no PID file, lock or log; after the only fork", has_pid_file=False
    ),
    Contestant(
        "start-stop-daemon",
        "start-stop-daemon",
        Prompt.BEFORE,
        "PID file, log, no lock; after the second fork, before the exec",
        (
            "--start",
            "--background",
            "--make-pidfile",
            "--pidfile",
            "{pid}",
            "--output",
            "{log}",
            "--exec",
            "{built}/sleeper",
        ),
    ),
    Contestant(
        "daemonize(1)",
        "daemonize",
        Prompt.BEFORE,
        "PID file, lock, log; after the fork, before the exec",
        ("-a", "-p", "{pid}", "-l", "{pid}.lock", "-o", "{log}", "-e", "{log}", "{built}/sleeper"),
    ),
    Contestant(
        "setsid -f",
        "setsid",
        Prompt.BEFORE,
        "no PID file, lock or log; after the only fork",
        ("--fork", "{built}/sleeper"),
        has_pid_file=False,
    ),
    Contestant(
        "nohup &",
        "sh",
        Prompt.BEFORE,
        "log; no PID file, lock or session; includes the start of `sh`",
        ("-c", 'nohup "$1" </dev/null >>"$2" 2>&1 &', "sh", "{built}/sleeper", "{log}"),
        has_pid_file=False,
    ),
]

FOREGROUND = Contestant(
    "daemon-main, foreground under nohup",
    "sh",
    Prompt.BEFORE,
    "log",
    ("-c", 'nohup "$1" exec </dev/null >>"$2" 2>&1 &', "sh", "{built}/daemon-main", "{log}"),
    has_pid_file=False,
)
CONTROLLED = Contestant("controlled", "controlled", Prompt.AFTER, "PID file", ("-d",))
SUPERVISED = Contestant("daemon-main, restart", "supervised", Prompt.AFTER, "PID file, lock, log, supervisor", ("-d",))
SUPERVISED_LARGE = Contestant(
    "daemon-main, restart, 60 MB", "supervised-large", Prompt.AFTER, "the same from a large image", ("-d",)
)
