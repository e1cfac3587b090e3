"""The programs under measurement: built here with the options their users get, or installed."""

import os
import shutil
import subprocess
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
ROOT = BENCHES.parent
BUILT = BENCHES / "target" / "release"
GOPATH = Path("/usr/share/gocode")
CARGO = os.environ.get("CARGO", "cargo")
COPIES = 4

# What to install for a program that is missing.
PACKAGES = {
    "apue": "gcc libc6-dev",
    "daemon3": "gcc libc6-dev",
    "burden.so": "gcc libc6-dev",
    "go-daemon": "golang-go golang-github-sevlyar-go-daemon-dev",
    "start-stop-daemon": "dpkg",
    "daemonize": "daemonize",
    "setsid": "util-linux",
    "sh": "dash",
    "strace": "strace",
    "valgrind": "valgrind",
}


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def build():
    # A compiler under a real-time policy, as by `chrt -f`, can wait for its own threads for ever.
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    build_all()
    os.sched_setscheduler(0, policy, priority)


def build_all():
    options = ["--quiet", "--release", "--locked", "--bins", "--target-dir", BENCHES / "target"]
    run(CARGO, "build", *options, "--manifest-path", BENCHES / "Cargo.toml")
    if which("cc"):
        for name, options in (("apue", []), ("daemon3", []), ("burden", ["-shared", "-fPIC"])):
            output = BUILT / (name + (".so" if options else ""))
            run("cc", "-O2", "-Wall", "-Wextra", *options, "-o", output, BENCHES / "c" / f"{name}.c")
    if which("go") and (GOPATH / "src/github.com/sevlyar/go-daemon").exists():
        # The distribution's packages are in a GOPATH, so nothing is downloaded.
        environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOPATH)}
        for tags, name in (("", "go-daemon"), ("preloadable", "go-daemon-preloadable")):
            run("go", "build", "-tags", tags, "-o", BUILT / name, ".", cwd=BENCHES / "go-daemon", env=environment)


def which(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def find(name):
    """The path of a program, or None where it is missing."""
    if (BUILT / name).is_file():
        return BUILT / name
    found = name in PACKAGES and not name.startswith(("apue", "daemon3", "go-")) and which(name)
    return Path(found) if found else None


def copies(directory):
    """Fresh copies of the built programs: where the pages of one file lie is worth up to 7 %."""
    for number in range(COPIES):
        place = directory / f"copy-{number}"
        place.mkdir()
        for program in BUILT.iterdir():
            if program.is_file() and os.access(program, os.X_OK):
                shutil.copy2(program, place)
        yield place
    os.sync()  # pages that are not written yet would count as the daemon's dirty memory
