"""What the library costs a program that uses it: foreground, build, size."""

import os
import re
import resource
import shutil
import subprocess
from collections import Counter

import programs
from report import median, read_section, table

GROWTH = 1.05  # a size that grows by more fails `size --check`

# Each program of the table "size": the options of the attribute, or the whole source.
EVERYTHING = """pid = "{pid_dir}/{name}.pid", log = "{log_dir}/{name}.log", pid_flag = "--pid-file", log_flag = "--log-file", control_flag = "-s",
    log_reopen = "SIGUSR1", user = "www-data", group = "www-data", chroot = "/srv", workdir = "/", umask = 0o022, keep_fds = [3],
    subcommand = "serve", timeout_flag = "--timeout", env_remove = ["GIT_DIR"], ready = "notify", ready_timeout = 5, stop_timeout = 5, pid_mode = 0o600, log_mode = 0o600"""
SIZES = {
    "nothing": "",
    '`ready = "exec"`': 'ready = "exec"',
    '`ready = "listening"`': 'ready = "listening"',
    '`ready = "tcp:80"`': 'ready = "tcp:80"',
    '`ready = "notify"`': 'ready = "notify"',
    "`pid`": 'pid = "/run/hello.pid"',
    "`log`": 'log = "/var/log/hello.log"',
    "`pid`, `log`": 'pid = "/run/hello.pid", log = "/var/log/hello.log"',
    "`pid`, `log`, placeholders": 'pid = "{pid_dir}/hello.pid", log = "{log_dir}/hello.log"',
    "`pid`, `control_flag`": 'pid = "/run/hello.pid", control_flag = "-s"',
    "`log`, `log_reopen`": 'log = "/var/log/hello.log", log_reopen = "SIGUSR1"',
    "`log`, `log_flag`": 'log = "/var/log/hello.log", log_flag = "--log-file"',
    "`user`": 'user = "www-data"',
    "`chroot`": 'chroot = "/srv"',
    "`workdir`": 'workdir = "/"',
    "`keep_fds`": "keep_fds = [3]",
    "`listen`": 'listen = "http=0.0.0.0:80"',
    "`subcommand`": 'subcommand = "serve"',
    "`foreground_flag`": 'foreground_flag = "-f"',
    "`timeout_flag`": 'timeout_flag = "--timeout"',
    "`env_remove`": 'env_remove = ["GIT_DIR"]',
    "`pid`, `control_subcommands`": 'pid = "/run/hello.pid", control_subcommands = "run"',
    "`pid`, `pid_in_foreground`": 'pid = "/run/hello.pid", pid_in_foreground = true',
    "`pid`, `instance_flag`": 'pid = "{pid_dir}/{instance}.pid", instance_flag = "--name"',
    "everything above": EVERYTHING,
}
MAIN = 'fn main() { println!("hello"); }\n'

# The programs of the table "build": dependencies and source.
BUILDS = {
    "neither": ("", MAIN),
    "`#[daemon::main]`": (
        'daemon-main = { path = "ROOT" }',
        f'#[daemon::main(pid = "/run/hello.pid", log = "/var/log/hello.log")]\n{MAIN}',
    ),
    "crate `daemonize`": (
        'daemonize = "0.5"',
        'fn main() { daemonize::Daemonize::new().pid_file("/run/hello.pid").start().unwrap(); }\n',
    ),
    "tokio, clap": (
        'tokio = { version = "1", features = ["full"] }\nclap = { version = "4", features = ["derive"] }',
        MAIN,
    ),
    "tokio, clap, `#[daemon::main]`": (
        'tokio = { version = "1", features = ["full"] }\nclap = { version = "4", features = ["derive"] }\ndaemon-main = { path = "ROOT" }',
        f'#[daemon::main(pid = "/run/hello.pid", log = "/var/log/hello.log")]\n{MAIN}',
    ),
}


def package(directory, dependencies, sources):
    """Writes a package with one program for each source, built as the default release profile does, stripped."""
    (directory / "src/bin").mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        (directory / f"src/bin/{name}.rs").write_text(source)
    (directory / "Cargo.toml").write_text(
        '[workspace]\n[package]\nname = "application"\nversion = "0.0.0"\nedition = "2024"\n'
        f"[profile.release]\nstrip = true\n[dependencies]\n{dependencies.replace('ROOT', str(programs.ROOT))}\n"
    )
    # The versions are those that the repository is locked to.
    shutil.copy(programs.ROOT / "Cargo.lock", directory)
    programs.run(programs.CARGO, "fetch", "--quiet", cwd=directory)


def kibibytes(path):
    return -(-path.stat().st_size // 1024)


def size(bench):
    """Stripped KiB over the same program without the attribute."""
    directory = bench.directory / "size"
    sources = {"plain": MAIN} | {
        f"p{number}": f"#[daemon::main({options})]\n{MAIN}" for number, options in enumerate(SIZES.values())
    }
    package(directory, 'daemon-main = { path = "ROOT" }', sources)
    target = programs.ROOT / "target/size"
    programs.run(
        programs.CARGO, "build", "--quiet", "--offline", "--release", "--bins", "--target-dir", target, cwd=directory
    )
    plain = kibibytes(target / "release/plain")
    sizes = [kibibytes(target / f"release/p{number}") - plain for number in range(len(SIZES))]
    return table(
        ["named in the attribute", "added, KiB:", "over nothing, KiB:"],
        [[name, added, added - sizes[0]] for name, added in zip(SIZES, sizes)],
    )


def check_size(page, measured):
    """The rows that grew by more than 5 % against the page."""

    def figures(text):
        return {name.strip(): int(added) for name, added in re.findall(r"^\| (.+?) *\| +(\d+) \|", text, re.M)}

    recorded, grown = figures(read_section(page, "size")), []
    for name, added in figures(measured).items():
        if name in recorded and added > recorded[name] * GROWTH:
            grown.append(f"{name}: {recorded[name]} → {added} KiB")
    return grown


def cpu_seconds():
    """The processor time of all ended children. Unlike the time on the wall it hardly depends on other processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def build(bench):
    """Clean builds, interleaved, with everything downloaded before."""
    times = {name: {"dev": [], "release": []} for name in BUILDS}
    places = {}
    for number, (name, (dependencies, source)) in enumerate(BUILDS.items()):
        places[name] = bench.directory / f"build-{number}"
        package(places[name], dependencies, {"application": source})
    for _ in range(min(3, bench.rounds)):
        for name, place in places.items():
            for profile in ("dev", "release"):
                shutil.rmtree(place / "target", ignore_errors=True)
                begin = cpu_seconds()
                command = f"{programs.CARGO} build --quiet --offline --target-dir target --profile {profile}"
                programs.run(*command.split(), cwd=place)
                times[name][profile].append(cpu_seconds() - begin)
    rows = []
    for name, place in places.items():
        command = f"{programs.CARGO} tree --offline --prefix none --edges normal,build --no-dedupe --format {{p}}"
        tree = subprocess.run(command.split(), cwd=place, check=True, capture_output=True, text=True).stdout
        crates = len({line.split(" (")[0] for line in tree.splitlines()}) - 1
        dev, release = (f"{median(times[name][profile]):.1f}" for profile in ("dev", "release"))
        rows.append([name, crates, dev, release, kibibytes(place / "target/release/application")])
    headings = ["program with", "crates:", "clean debug build, CPU s:", "clean release build, CPU s:", "stripped, KiB:"]
    return table(headings, rows)


def foreground(bench):
    """System calls (strace) and instructions (callgrind) of the same program with and without the attribute."""
    for tool in ("strace", "valgrind"):
        if not programs.find(tool):
            return f"The foreground is missing: install {tool}"
    rows = []
    for count in (0, 20):
        counted = {}
        for name, program in (("without", "hello"), ("with", "hello-daemon")):
            # A fixed environment: the counts depend on its length.
            environment = {f"BENCH_FILL_{number:02}": "value" for number in range(20)} | {"PATH": os.environ["PATH"]}
            command = [programs.BUILT / program] + [f"--option-{number}" for number in range(count)]
            trace = bench.directory / "trace"
            options = {
                "env": environment,
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.DEVNULL,
                "stderr": subprocess.PIPE,
            }
            programs.run("strace", "-f", "-qq", "-e", "signal=none", "-o", trace, *command, **options)
            counted[name] = Counter(
                line.split()[1].split("(")[0] for line in trace.read_text().splitlines() if "(" in line
            )
            callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, command)]
            said = subprocess.run(callgrind, check=True, text=True, **options).stderr
            instructions = re.search(r"Collected : (\d+)", said)[1]
            differing = [
                f"{call}: {counted['without'][call]} → {counted[name][call]}"
                for call in sorted(counted["without"] | counted[name])
                if counted["without"][call] != counted[name][call]
            ]
            rows.append(
                [
                    f"{name} the attribute",
                    count,
                    counted[name].total(),
                    instructions,
                    "-" if name == "without" else ", ".join(differing) or "none",
                ]
            )
    return table(["foreground", "arguments:", "system calls:", "instructions:", "calls that differ"], rows)
