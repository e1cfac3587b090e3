#!/usr/bin/env python3
"""Breaks one check after another in a copy of the tree, and expects a test to fail.

    tests/mutations/run.py [WORD ...]

tries the mutants of mutants.toml whose text contains one of the words, or all of them. A mutant
whose tests pass has survived: a test is missing. A mutant that no longer fits the source is a
failure too. Run it as root: most of the tests are about other users.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
WORK = TREE / "target" / "mutations"
COPY = WORK / "tree"
TEST_TIMEOUT = 300

# The processes of a broken program end with its tests. A shell ignores some signals in the
# background; the tests start with their default actions.
ALONE = ["env", "--default-signal", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def cargo(*arguments):
    command = [*ALONE, "cargo", *arguments]
    # The tests name their directories by their pid, which is small and the same each time.
    with tempfile.TemporaryDirectory(prefix="mutations-", ignore_cleanup_errors=True) as scratch:
        os.chmod(scratch, 0o755)
        ours = {"CARGO_TARGET_DIR": str(WORK / "build"), "TMPDIR": scratch, "CI": "true"}
        try:
            return subprocess.run(command, cwd=COPY, env=os.environ | ours, timeout=TEST_TIMEOUT,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace")
        except subprocess.TimeoutExpired as late:
            said = (late.output or b"").decode(errors="replace")
            return subprocess.CompletedProcess(command, 1, said)


def build(target):
    result = cargo("test", "--quiet", "--no-run", *target)
    if result.returncode == 0 and "--test" in target:
        result = cargo("build", "--quiet", "--example", "report")
    if result.returncode != 0:
        sys.exit(f"does not build:\n{result.stdout}")


def in_module(name, words):
    """The tests of a module in whose names one of the words stands, or all of them."""
    listed = cargo("test", "--quiet", "--test", "it", "--", "--list").stdout
    names = re.findall(rf"^({name}::\S+): test$", listed, re.MULTILINE)
    return [it for it in names if not words or any(word in it for word in words)]


def test(tests):
    """What turns red first, and what it said."""
    for line in tests:
        name, *filters = line.split()
        target = ["--package", "daemon-core", "--lib"] if name == "core" else ["--test", "it"]
        build(target)
        if name != "core":
            filters = ["--exact", *in_module(name, filters)]
        result = cargo("test", *target, "--", *filters)
        if "older than its sources" in result.stdout:
            sys.exit(result.stdout)
        if result.returncode != 0:
            red = re.findall(r"^test (\S+) .*FAILED$", result.stdout, re.MULTILINE)
            return f"{name}: {', '.join(red) or 'it did not come to its end'}", result.stdout
        if " 0 passed" in result.stdout:
            sys.exit(f"there is no such test: {line}")
    return None, ""


def expect_green(tests):
    for line in sorted(set(tests)):
        red, output = test([line])
        if red:
            sys.exit(f"{output}\nred without any mutant: {red}")


def copy_tree():
    tracked = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             cwd=TREE, check=True, stdout=subprocess.PIPE, text=True).stdout
    shutil.rmtree(COPY, ignore_errors=True)
    # Some may have been removed.
    for name in filter(lambda name: (TREE / name).is_file(), tracked.split("\0")):
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TREE / name, COPY / name)


def mutate(mutant):
    """Gives what puts the source back."""
    path = COPY / mutant["file"]
    source = path.read_text()
    count = source.count(mutant["from"])
    if count != 1:
        sys.exit(f"{mutant['breaks']}: its text stands {count} times in {mutant['file']}")
    path.write_text(source.replace(mutant["from"], mutant["to"]))
    return lambda: path.write_text(source)


def main():
    if os.geteuid() != 0:
        sys.exit("to be run as root")
    words = sys.argv[1:]
    table = tomllib.loads((TREE / "tests/mutations/mutants.toml").read_text())["mutant"]
    mutants = [it for it in table if not words or any(word in str(it) for word in words)]
    copy_tree()
    # Whatever does not fit is told at once.
    for mutant in mutants:
        mutate(mutant)()
    expect_green(line for mutant in mutants for line in mutant["tests"])
    survivors = []
    for mutant in mutants:
        put_back = mutate(mutant)
        start = time.monotonic()
        red, _ = test(mutant["tests"])
        put_back()
        seconds = time.monotonic() - start
        print(f"{'killed  ' if red else 'SURVIVED'} {seconds:4.0f} s  {mutant['breaks']}"
              + (f"  [{red}]" if red else ""), flush=True)
        if not red:
            survivors.append(mutant["breaks"])
    print(f"{len(mutants) - len(survivors)} killed, {len(survivors)} survived")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
