"""The table `supervised`: what a supervisor costs at the start, at rest and at a restart."""

import os
import signal
import time
from pathlib import Path

from contestants import CONTESTANTS, FLOOR, OWN, SUPERVISED, SUPERVISED_LARGE
from launch import TIMEOUT, Failure, kill_children, launch
from launches import WARM_UP, Runner, interleaved, occupied
from report import median, micros, ratio, spread, table

SPAWN = "bare spawn, byte"
BASES = [FLOOR, SPAWN, OWN]
REST = 60  # seconds at rest in which the supervisor is not to wake up
PAUSE = 50e-6  # seconds between two looks at the PID file; without it the bench keeps a processor from the supervisor


def supervised(bench):
    return "\n\n".join([starts(bench), restarts(bench), rest(bench)])


def starts(bench):
    """Start to prompt with and without a supervisor, interleaved."""
    runners = interleaved(bench, [one for one in CONTESTANTS if one.name in BASES] + [SUPERVISED])
    prompt = {runner.contestant.name: median(runner.sample()) for runner in runners}
    rows = [
        [
            runner.contestant.name,
            *spread(runner.sample()),
            ratio(prompt[runner.contestant.name], prompt[OWN]),
            ratio(prompt[runner.contestant.name], prompt[SPAWN]),
            runner.failures,
        ]
        for runner in runners
    ]
    # A process up to `main`, without the launcher around it.
    least = prompt[OWN] + prompt[SPAWN] - prompt[FLOOR]
    name = f"{OWN}, and one more bare spawn"
    rows.append([name, micros(least), "", "", ratio(least, prompt[OWN]), ratio(least, prompt[SPAWN])])
    return table(["start", "prompt, µs:", "p10:", "p90:", f"× {OWN}:", f"× {SPAWN}:", "failed:"], rows)


def restarts(bench):
    """From the kill of a run to its successor's pid in the PID file, just before the exec, and to its user code."""
    runner, executed, up = Runner(bench, SUPERVISED), [], []
    try:
        daemon = launch(runner.site, SUPERVISED, runner.program(), runner.copies[0])["daemon"]
        supervisor = parent_of(daemon)
        file = os.open(runner.site.pid_file, os.O_RDONLY)
        for number in range(WARM_UP + bench.rounds):
            until_at_rest(supervisor)
            begin = time.monotonic_ns()
            os.kill(daemon, signal.SIGKILL)
            others = {b"%d\n" % daemon, b"%d\n" % supervisor}
            while (content := os.pread(file, 64, 0).rstrip(b"\n") + b"\n") in others or content == b"\n":
                if time.monotonic_ns() - begin > TIMEOUT * 1_000_000_000:
                    raise Failure("no other run has come")
                time.sleep(PAUSE)
            written = time.monotonic_ns()
            daemon, code = runner.site.hear(True)["up"]
            if number >= WARM_UP:
                executed.append(written - begin)
                up.append(code - begin)
        os.close(file)
    finally:
        kill_children()
    rows = [
        [name, *spread(sample)] for name, sample in (("to the next exec", executed), ("to its user code", up))
    ]
    return table(["from the kill of a run", "µs:", "p10:", "p90:"], rows)


def rest(bench):
    """The memory of a supervisor at rest, and how often it wakes up."""
    rows, there = [], []
    try:
        for contestant in (SUPERVISED, SUPERVISED_LARGE):
            runner = Runner(bench, contestant)
            daemon = launch(runner.site, contestant, runner.program(), runner.copies[0])["daemon"]
            there.append((contestant, parent_of(daemon)))
        for _, supervisor in there:
            until_at_rest(supervisor)
        before = [switches(supervisor) for _, supervisor in there]
        time.sleep(REST)
        for (contestant, supervisor), count in zip(there, before):
            rss, pss, private, *_ = occupied(supervisor)
            rows.append([contestant.name, private, pss, rss, switches(supervisor) - count])
    finally:
        kill_children()
    return table(
        ["supervisor at rest", "private dirty, KiB:", "PSS, KiB:", "RSS, KiB:", f"wake-ups in {REST} s:"],
        rows,
    )


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def until_at_rest(pid):
    while Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S":
        time.sleep(0.001)
    time.sleep(0.005)


def switches(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
