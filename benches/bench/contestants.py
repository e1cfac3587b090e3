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

FILES = "PID file, lock, log"
START_STOP_DAEMON = "--start --background --make-pidfile --pidfile {pid} --output {log} --exec {built}/sleeper"
DAEMONIZE_1 = "-a -p {pid} -l {pid}.lock -o {log} -e {log} {built}/sleeper"
NOHUP = 'nohup "$@" </dev/null >>"$BENCH_LOG" 2>&1 &'


def own(mode, when):
    return after(f"daemon-main, {mode}", f"daemon-main-{mode}", f"{FILES}; {when}", "-d")


def after(name, program, work, *arguments, **others):
    return Contestant(name, program, Prompt.AFTER, work, arguments, **others)


def before(name, program, work, *arguments, **others):
    return Contestant(name, program, Prompt.BEFORE, work, arguments, **others)


NO_FILE = {"has_pid_file": False}
SPAWN = "none: `posix_spawn` of itself"
CONTESTANTS = [
    Contestant(FLOOR, "noop", Prompt.NONE, "none: a program that starts and ends", **NO_FILE),
    after("bare spawn, byte", "spawn", f"{SPAWN}; after the child wrote one byte in `main`", "byte", **NO_FILE),
    own("exec", "after the exec"),
    after("daemon-main, start()", "daemon-main-start", f"{FILES}; called from `main`; after the exec"),
    own("notify", "after `daemon::ready()`"),
    own("listening", "when its socket listens"),
    own("settled", "when all its threads wait"),
    after(
        "fork, checked_daemon", "peer-fork", "PID file and lock by hand, log; after the daemon's word", "checked"
    ),
    after("blivet", "peer-blivet", f"{FILES}; after the daemon's word"),
    before("bare spawn", "spawn", f"{SPAWN}; after the exec", "bare", **NO_FILE),
    before("daemonize", "peer-daemonize", f"{FILES}; after the second fork, before the PID file"),
    before("daemonize-me", "peer-daemonize-me", "PID file, log, no lock; after the only fork, before the PID file"),
    before("fork, daemon", "peer-fork", f"{FILES} by hand; after the first fork, before all of it"),
    before("go-daemon", "go-daemon", f"{FILES}; re-exec; after the exec, before the pid is written"),
    before("C after APUE", "apue", f"{FILES}; after the first fork, before all of it"),
    before("C daemon(3)", "daemon3", "no PID file, lock or log; after the only fork", **NO_FILE),
    before(
        "start-stop-daemon",
        "start-stop-daemon",
        "PID file, log, no lock; after the second fork, before the exec",
        *START_STOP_DAEMON.split(),
    ),
    before("daemonize(1)", "daemonize", f"{FILES}; after the fork, before the exec", *DAEMONIZE_1.split()),
    before(
        "setsid -f", "setsid", "no PID file, lock or log; after the only fork", "--fork", "{built}/sleeper", **NO_FILE
    ),
    before(
        "nohup &",
        "sh",
        "log; no PID file, lock or session; includes the start of `sh`",
        *("-c", NOHUP, "sh", "{built}/sleeper"),
        **NO_FILE,
    ),
]

FOREGROUND = before(
    "daemon-main, foreground under nohup",
    "sh",
    "log",
    *("-c", NOHUP, "sh", "{built}/daemon-main-exec"),
    **NO_FILE,
)
CONTROLLED = after("controlled", "controlled", "PID file", "-d")
SUPERVISED = after("daemon-main, restart", "supervised", f"{FILES}, supervisor", "-d")
SUPERVISED_LARGE = after("daemon-main, restart, 60 MB", "supervised-large", "the same from a large image", "-d")
