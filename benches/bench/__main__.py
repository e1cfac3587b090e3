"""Measures the launch of a daemon against other ways to start one, and what the library costs. Prints Markdown tables."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import costs
import launches
import programs
import supervised
from launch import adopt_orphans
from report import write_section

PAGE = programs.BENCHES / "README.md"
TABLES = {
    "launch": launches.launches,
    "flatness": launches.flatness,
    "idle": launches.idle,
    "scale": launches.scale,
    "control": launches.control,
    "supervised": supervised.supervised,
    "foreground": costs.foreground,
    "build": costs.build,
    "size": costs.size,
}
NEED_NO_CONTESTANTS = {"build", "size"}


class Bench:
    def __init__(self, options, directory):
        self.directory, self.rounds, self.daemons, self.only = directory, options.rounds, options.daemons, options.only
        self.writes = options.write
        self.copies = []

    def selected(self, contestants):
        return [one for one in contestants if not self.only or any(part in one.name for part in self.only)]

    def svg(self, name, text):
        if self.writes and not self.only:
            (programs.ROOT / "docs" / name).write_text(text)


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine():
    """What the tables were measured on. No names of hosts, users or paths."""

    def field(file, name):
        lines = (line.partition(":") for line in Path(file).read_text().splitlines())
        return next((value.strip() for key, _, value in lines if key.strip() == name), "unknown")

    load = Path("/proc/loadavg").read_text().split()[0]
    return (
        f"{said('date', '-u', '+%F %H:%M UTC')}. Linux {said('uname', '-r')}, {os.cpu_count()} CPUs ({field('/proc/cpuinfo', 'model name')}), "
        f"{field('/proc/meminfo', 'MemTotal')} of memory, load {load} at the start. {said('rustc', '--version')}, "
        f"cc {said('cc', '-dumpfullversion')}, {said('go', 'env', 'GOVERSION')}."
    )


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"the tables to make, of {', '.join(TABLES)}; default: all"
    )
    parser.add_argument("--rounds", type=int, default=400, help="launches of each contestant")
    parser.add_argument("--daemons", type=int, default=1000, help="daemons of the table `scale`")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=[], help="contestants whose name contains one of these"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into benches/README.md")
    parser.add_argument(
        "--check", action="store_true", help="fail if a size grew by more than 5 %% against benches/README.md"
    )
    options = parser.parse_args()
    names = options.tables or list(TABLES)
    if unknown := set(names) - set(TABLES):
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="daemon-bench-") as directory:
        bench = Bench(options, Path(directory))
        if set(names) - NEED_NO_CONTESTANTS:
            programs.build()
            bench.copies = list(programs.copies(bench.directory))
        for name in names:
            header = f"{machine()} Asked for: {options.rounds} rounds, {options.daemons} daemons."
            text = TABLES[name](bench)
            print(f"{header}\n\n{text}\n", flush=True)
            if name == "size" and options.check:
                if grown := costs.check_size(PAGE, text):
                    sys.exit("grown by more than 5 %: " + "; ".join(grown))
            if options.write:
                write_section(PAGE, name, f"{header}\n\n{text}")


if __name__ == "__main__":
    main()
