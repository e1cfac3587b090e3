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
# background; the tests start with their default actions. The shell is process 1, and no test is.
ALONE = ["env", "--default-signal", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
         "sh", "-c", '"$@"; exit $?', "sh"]


def run(*command):
    # The tests name their directories by their pid, which is small and the same each time.
    with tempfile.TemporaryDirectory(prefix="mutations-", ignore_cleanup_errors=True) as scratch:
        os.chmod(scratch, 0o755)
        ours = {"CARGO_TARGET_DIR": str(WORK / "build"), "TMPDIR": scratch, "CI": "true",
                "CARGO_PROFILE_DEV_DEBUG": "0"}
        try:
            return subprocess.run([*ALONE, *command], cwd=COPY, env=os.environ | ours,
                                  timeout=TEST_TIMEOUT, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace")
        except subprocess.TimeoutExpired as late:
            said = (late.output or b"").decode(errors="replace")
            return subprocess.CompletedProcess(command, 1, said)


class DoesNotBuild(Exception):
    pass


def build(*what):
    """The path of a test executable among what was built."""
    result = run("cargo", *what, "--message-format=json-render-diagnostics")
    if result.returncode != 0:
        raise DoesNotBuild(result.stdout)
    found = re.findall(r'"profile":\{[^}]*"test":true\}.*"executable":"([^"]+)"', result.stdout)
    return found[-1] if found else None


def build_unit_tests():
    return build("test", "--no-run", "--package", "daemon-core", "--lib")


def build_process_tests():
    return build("test", "--no-run", "--test", "it")


class Tests:
    """The process tests are built once: they show the mutants in the programs that they start."""

    def __init__(self):
        # A copy beside it, because it looks for its programs from there.
        self.process_tests = str(Path(build_process_tests()).with_name("it-without-mutants"))
        shutil.copy2(build_process_tests(), self.process_tests)
        listed = run(self.process_tests, "--list").stdout
        self.names = re.findall(r"^(\S+): test$", listed, re.MULTILINE)

    def in_module(self, name, words):
        """The tests of a module in whose names one of the words stands, or all of them."""
        below = [it for it in self.names if it.startswith(f"{name}::")]
        return [it for it in below if not words or any(word in it for word in words)]

    def command(self, line):
        name, *words = line.split()
        if name == "core":
            return [build_unit_tests(), *words]
        # It fails fast if a mutant does not build, and nearly all tests start it.
        build("build", "--example", "report")
        return [self.process_tests, "--exact", *self.in_module(name, words)]

    def fails(self, line):
        """What turns red, if something does, and what it said."""
        command = self.command(line)
        result = run(*command)
        while stale := re.search(r"/examples/(\S+) is older than its sources", result.stdout):
            build("build", "--example", stale[1])
            result = run(*command)
        if result.returncode != 0:
            red = re.findall(r"^test (\S+) .*FAILED$", result.stdout, re.MULTILINE)
            return f"{line.split()[0]}: {', '.join(red) or 'it did not come to its end'}", result.stdout
        if " 0 passed" in result.stdout:
            sys.exit(f"there is no such test: {line}")
        return None, ""

    def any_fails(self, lines):
        """What turns red first."""
        return next((red for line in lines if (red := self.fails(line)[0])), None)

    def expect_green(self, lines):
        # Those of a module run at once.
        words = {}
        for line in lines:
            name, *more = line.split()
            if name != "core" and not self.in_module(name, more):
                sys.exit(f"there is no such test: {line}")
            words.setdefault(name, set()).update(more or [""])
        for name, more in sorted(words.items()):
            red, output = self.fails(name if "" in more else " ".join([name, *sorted(more)]))
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
    tests = Tests()
    tests.expect_green(line for mutant in mutants for line in mutant["tests"])
    survivors = []
    for mutant in mutants:
        put_back = mutate(mutant)
        start = time.monotonic()
        try:
            red = tests.any_fails(mutant["tests"])
        except DoesNotBuild as error:
            red = None
            print(error)
        finally:
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
