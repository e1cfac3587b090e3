"""The tables of launches: launch, flatness, idle, scale, control."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import programs
from contestants import CONTESTANTS, CONTROLLED, FLOOR, FOREGROUND, OWN, Prompt
from launch import Failure, Site, kill_children, launch, launch_and_kill, spawn, wait
from report import bars, median, micros, percentile, ratio, spread, table

GOALS = [
    (OWN, "blivet", 0.90),
    (OWN, "fork, checked_daemon", 1.00),
    (OWN, "go-daemon", 0.75),
    (OWN, "daemonize", 1.10),
    ("daemon-main, notify", "bare spawn, byte", 1.10),
]
WARM_UP = 4  # rounds that do not count; each copy once
LIMIT = 4000  # µs, the longest bar


class Runner:
    """A contestant with its files and its measurements."""

    def __init__(self, bench, contestant, name=""):
        self.contestant, self.copies = contestant, bench.copies
        self.site = Site(bench.directory / "".join(c if c.isalnum() else "-" for c in contestant.name) / name)
        self.found = programs.find(contestant.program)
        self.times, self.failures, self.reason = (
            [],
            0,
            "" if self.found else f"missing: install {programs.PACKAGES.get(contestant.program)}",
        )

    def program(self, copy=0, name=None):
        path = self.copies[copy % len(self.copies)] / (name or self.contestant.program)
        return path if path.exists() else self.found

    def measure(self, copy, counts=True, load=None):
        hangs = self.failures >= 3 and not self.times
        if not self.found or hangs:
            return
        program = load.program(self, copy) if load else self.program(copy)
        try:
            times = launch_and_kill(self.site, self.contestant, program, self.copies[copy % len(self.copies)], load)
            if counts:
                self.times.append(times)
        except Failure as failure:
            self.failures, self.reason = self.failures + counts, str(failure)

    def sample(self, key="prompt"):
        return [times[key] for times in self.times]


def interleaved(bench, contestants):
    """Each contestant once a round, in an order that is shuffled anew: what disturbs one disturbs all."""
    runners = [Runner(bench, contestant) for contestant in contestants]
    for number in range(WARM_UP + bench.rounds):
        for runner in random.sample(runners, len(runners)):
            runner.measure(number, number >= WARM_UP)
    return runners


def launches(bench):
    runners = interleaved(bench, bench.selected(CONTESTANTS))
    prompt = {runner.contestant.name: median(runner.sample()) for runner in runners}
    text, groups, last = [], [], ["user code, µs:", "failed:", "work; when the prompt comes"]
    for kind in (Prompt.AFTER, Prompt.BEFORE):
        rows, lines = [], []
        for runner in runners:
            name, sample = runner.contestant.name, runner.sample()
            if runner.contestant.prompt is not kind and name != FLOOR and not (kind is Prompt.BEFORE and name == OWN):
                continue
            rows.append(
                [
                    name,
                    *spread(sample),
                    ratio(median(sample), prompt.get(OWN)),
                    micros(median(runner.sample("up"))),
                    runner.failures,
                    runner.contestant.work if not runner.reason else f"{runner.contestant.work}; {runner.reason}",
                ]
            )
            if sample:
                lines.append((name, median(sample) / 1000, name.startswith("daemon-main")))
        text.append(table([kind.value, "prompt, µs:", "p10:", "p90:", f"× {OWN}:", *last], rows))
        groups.append((kind.value, lines))
    goals = [
        [f"{name} / {base}", f"{limit:.2f}", ratio(prompt.get(name), prompt.get(base))] for name, base, limit in GOALS
    ]
    text.append(table(["goal", "at most:", "measured:"], goals))
    bench.svg("launch.svg", bars(groups, LIMIT))
    return "\n\n".join(text)


class Load:
    """What makes a launcher large; `c/burden.c` does most of it and is preloaded into every launcher of the table."""

    NAMES = {
        "plain": "none",
        "1 GiB": "memory",
        "64 threads": "threads",
        "limit 10⁹": "limit",
        "10 000 fds": "descriptors",
        "100 KiB env": "none",
        "stale PID file": "none",
    }

    def __init__(self, name):
        self.name = name

    def applies(self, contestant):
        if self.name == "limit 10⁹":
            return contestant.program != "go-daemon"  # Go asks the kernel, past the preloaded library
        return self.name != "stale PID file" or contestant.has_pid_file

    def program(self, runner, copy):
        return runner.program(copy, "go-daemon-preloadable" if runner.contestant.program == "go-daemon" else None)

    def apply(self, site):
        if not site.start.exists():
            os.mkfifo(site.start, 0o600)
        if self.name == "stale PID file":
            site.pid_file.write_text("4194304\n")  # above the largest pid
        fill = {f"BENCH_FILL_{number:02}": "x" * 1010 for number in range(100)} if self.name == "100 KiB env" else {}
        return (
            site.environment
            | fill
            | {
                "LD_PRELOAD": str(programs.BUILT / "burden.so"),
                "BENCH_BURDEN": self.NAMES[self.name],
                "BENCH_START": str(site.start),
            }
        )


def flatness(bench):
    loads = [Load(name) for name in Load.NAMES]
    cells = {
        (contestant, load): Runner(bench, contestant)
        for contestant in bench.selected(CONTESTANTS)
        for load in loads
        if load.applies(contestant)
    }
    order = list(cells)
    for number in range(max(1, bench.rounds // 20)):
        random.shuffle(order)
        for contestant, load in order:
            cells[contestant, load].measure(number, load=load)
    text = []
    for key, title in (
        ("left", "until the launcher leaves, µs (× plain)"),
        ("prompt", "until the prompt, µs (× plain)"),
    ):
        rows = []
        for contestant in bench.selected(CONTESTANTS):
            plain = median(cells[contestant, loads[0]].sample(key))
            row = [contestant.name]
            for load in loads:
                cell = cells.get((contestant, load))
                value = median(cell.sample(key)) if cell else None
                shown = "fails" if cell and cell.failures else micros(value)
                row.append(
                    shown if value is None or load is loads[0] or cell.failures else f"{shown} ({ratio(value, plain)})"
                )
            rows.append(row)
        text.append(table([title] + [f"{load.name}:" for load in loads], rows))
    failures = [
        f"- {contestant.name}, {load.name}: {cell.reason}" for (contestant, load), cell in cells.items() if cell.reason
    ]
    return "\n\n".join(text + ["\n".join(failures)])


def occupied(pid):
    """What a process occupies: RSS, PSS and private dirty memory in KiB, threads, descriptors."""
    fields = {}
    for file in ("smaps_rollup", "status"):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            name, _, value = line.partition(":")
            fields[name] = value.split()[0] if value.split() else ""
    return [int(fields[name]) for name in ("Rss", "Pss", "Private_Dirty", "Threads")] + [
        len(os.listdir(f"/proc/{pid}/fd"))
    ]


def idle(bench):
    """The start with the median RSS of five, 100 ms after the daemon came up."""
    rows = []
    for contestant in [FOREGROUND] + [one for one in bench.selected(CONTESTANTS) if one.prompt is not Prompt.NONE]:
        runner, measured = Runner(bench, contestant), []
        for number in range(5 if runner.found else 0):
            try:
                times = launch(runner.site, contestant, runner.program(number), runner.copies[0])
                time.sleep(0.1)
                measured.append(occupied(times["daemon"]))
            except (Failure, OSError) as failure:
                runner.reason = str(failure)
            finally:
                kill_children()
        rows.append([contestant.name] + (sorted(measured)[len(measured) // 2] if measured else [runner.reason]))
    return table(["idle daemon", "RSS, KiB:", "PSS, KiB:", "private dirty, KiB:", "threads:", "descriptors:"], rows)


def scale(bench):
    """Many daemons at once, from two starters that launch one after the other; then all get SIGTERM."""
    rows = []
    for contestant in bench.selected(CONTESTANTS):
        if not contestant.has_pid_file or not programs.find(contestant.program):
            continue
        begin = time.monotonic_ns()
        starters = [start_share(bench, contestant, first) for first in range(2)]
        lines = [line.split() for pipe in starters for line in pipe.read().splitlines()]
        wall = time.monotonic_ns() - begin
        daemons = [int(daemon) for _, daemon in lines if daemon != "failed"]
        memory = sum(occupied(daemon)[1] for daemon in daemons)
        begin = time.monotonic_ns()
        for daemon in daemons:
            os.kill(daemon, signal.SIGTERM)
        for daemon in daemons:
            os.waitpid(daemon, 0)
        stopping, count = time.monotonic_ns() - begin, max(1, len(daemons))
        kill_children()
        prompts = [int(prompt) for prompt, daemon in lines if daemon != "failed"]
        rows.append(
            [
                contestant.name,
                micros(wall / count),
                micros(median(prompts)),
                micros(percentile(prompts, 90)),
                micros(stopping / count),
                bench.daemons - len(daemons),
                memory // count,
            ]
        )
    headings = ["wall, µs each:", "prompt, µs:", "p90:", "stop, µs each:", "failed:", "PSS each, KiB:"]
    return table([f"{bench.daemons} daemons", *headings], rows)


def start_share(bench, contestant, first):
    """A process that starts every second daemon and writes a line for each. Its orphans come to the bench."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        output, failures = os.fdopen(writer, "w"), 0
        for number in range(first, bench.daemons, 2):
            runner = Runner(bench, contestant, str(number))
            try:
                times = launch(runner.site, contestant, runner.program(number), runner.copies[0])
                print(times["prompt"], times["daemon"], file=output)
            except Failure:
                failures += 1
            runner.site.close()
            if failures > 2:
                break
        output.close()
        os._exit(0)
    os.close(writer)
    return os.fdopen(reader)


def control(bench):
    """`status` against a program that only reads the PID file, and `stop` from the daemon's end."""
    runner = Runner(bench, CONTROLLED)
    samples = {"reads the file": [], "status": [], "stop, after the daemon's end": []}

    def timed(program, *arguments):
        begin, pid = spawn(runner.site, program, arguments)
        end, status = wait(pid)
        if status != 0:
            raise Failure(f"{program.name} {arguments}: status {status}")
        return begin, end

    launch(runner.site, CONTROLLED, runner.program(), runner.copies[0])
    for number in range(bench.rounds):
        for name, program, arguments in (("reads the file", "reader", []), ("status", "controlled", ["-s", "status"])):
            begin, end = timed(runner.program(number, program), *arguments)
            samples[name].append(end - begin)
    kill_children()
    for number in range(bench.rounds):
        daemon, ended = launch(runner.site, CONTROLLED, runner.program(number), runner.copies[0])["daemon"], []

        def watch():
            os.waitid(os.P_PID, daemon, os.WEXITED | os.WNOWAIT)
            ended.append(time.monotonic_ns())

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, end = timed(runner.program(number), "-s", "stop")
        watcher.join()
        kill_children()
        samples["stop, after the daemon's end"].append(max(0, end - ended[0]))
    reads = median(samples["reads the file"])
    rows = [
        [name, *spread(sample), "-" if name.startswith("stop") else ratio(median(sample), reads)]
        for name, sample in samples.items()
    ]
    return table(["control", "µs:", "p10:", "p90:", "× reads the file:"], rows)
