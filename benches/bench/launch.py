"""One launch: started, timed, checked and cleaned up."""

import ctypes
import os
import select
import signal
import time
from pathlib import Path

TIMEOUT = 10  # seconds; a launch that takes longer has failed
PR_SET_CHILD_SUBREAPER = 36
NANOSECONDS = 1_000_000_000


class Failure(Exception):
    """A launch that did not do what the contestant is measured for."""


def adopt_orphans():
    """Makes every daemon a child of this process when its launcher ends, so that it can be reaped."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Site:
    """The files of one daemon: PID file, log, and a FIFO through which the daemon reports."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.pid_file, self.log = self.directory / "pid", self.directory / "log"
        self.errors, self.start = self.directory / "errors", self.directory / "start"
        up = self.directory / "up"
        if not up.exists():
            os.mkfifo(up, 0o600)
        # Open at both ends, so that no open and no read blocks.
        self.up = os.open(up, os.O_RDWR | os.O_NONBLOCK)
        self.environment = os.environ | {
            "BENCH_PID": str(self.pid_file),
            "BENCH_LOG": str(self.log),
            "BENCH_UP": str(up),
        }

    def close(self):
        os.close(self.up)

    def reset(self):
        """The state of a first start: no PID file, an empty log."""
        self.pid_file.unlink(missing_ok=True)
        self.log.write_bytes(b"")
        while select.select([self.up], [], [], 0)[0]:
            os.read(self.up, 4096)

    def hear(self, waits):
        """What the launcher and the daemon report: {"up": (pid, ns), "started": ns, "left": ns}."""
        heard = {}
        while True:
            timeout = TIMEOUT if waits and "up" not in heard else 0
            if not select.select([self.up], [], [], timeout)[0]:
                if timeout:
                    raise Failure(f"no daemon came up within {TIMEOUT} s")
                return heard
            for line in os.read(self.up, 4096).decode().splitlines():
                word, *values = line.split()
                nanoseconds = int(values[-2]) * NANOSECONDS + int(values[-1])
                heard[word] = (int(values[0]), nanoseconds) if word == "up" else nanoseconds


def spawn(site, program, arguments, environment=None):
    """Starts a program as a shell does, with standard error kept for the report."""
    os.chdir(site.directory)
    null = os.open("/dev/null", os.O_RDWR)
    errors = os.open(site.errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
    try:
        begin = time.monotonic_ns()
        return begin, os.posix_spawn(
            program, [str(program), *arguments], environment or site.environment, file_actions=actions
        )
    finally:
        os.close(null)
        os.close(errors)


def wait(pid):
    """Waits for the end of a program; a program that does not end is killed."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(TIMEOUT)
    # The zombie is kept until the alarm is off, so the pid is not given away.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    end = time.monotonic_ns()
    signal.alarm(0)
    return end, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def launch(site, contestant, program, built, load=None):
    """Launches once. Returns the times in ns from the start: prompt, up, left; and the daemon's pid."""
    site.reset()
    arguments = [
        word.format(pid=site.pid_file, log=site.log, built=built) if "{" in word else word
        for word in contestant.arguments
    ]
    environment = load.apply(site) if load else None
    begin, launcher = spawn(site, program, arguments, environment)
    if load:
        release(site, launcher)
    end, status = wait(launcher)
    if status != 0:
        said = " ".join(word.rsplit("/", 1)[-1] for word in site.errors.read_text(errors="replace").split())
        raise Failure(f"status {status}: {said[:160]}")
    has_daemon = contestant.prompt.name != "NONE"
    heard = site.hear(has_daemon)
    daemon, up = heard.get("up", (None, None))
    if contestant.has_pid_file and int(site.pid_file.read_text()) != daemon:
        raise Failure("the PID file does not name the daemon")
    begin = heard.get("started", begin)
    return {
        "prompt": end - begin,
        "up": up and up - begin,
        "left": heard.get("left") and heard["left"] - begin,
        "daemon": daemon,
    }


def release(site, launcher):
    """Lets a launcher with a load start, when it has taken on the load."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            os.close(os.open(site.start, os.O_WRONLY | os.O_NONBLOCK))
            return
        except OSError:
            if os.waitid(os.P_PID, launcher, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                return
            time.sleep(0.001)


def kill_children():
    """Kills and reaps every process that was started and is still there."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        for child in children():
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.0001)
    raise Failure("a process does not end")


def children():
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1]
            except OSError:
                continue
            if int(parent) == os.getpid():
                yield int(entry.name)


def launch_and_kill(site, contestant, program, built, load=None):
    try:
        return launch(site, contestant, program, built, load)
    finally:
        kill_children()
