"""What the library costs a program that uses it: foreground, build, size."""

import os
import random
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter

import programs
from report import median, read_section, table

GROWTH = 1.05  # a figure that grows by more fails `size --check`,
NOISE = 4  # if it is by more KiB than these: a file grows in pages

# Each program of the table "size": what is named, as the options of the attribute and the statements of `main`.
RELEASE_0_1 = """pid = "{pid_dir}/{name}.pid", log = "{log_dir}/{name}.log", pid_flag = "--pid-file", log_flag = "--log-file",
    control_flag = "-s", log_reopen = "SIGUSR1", user = "www-data", group = "www-data", chroot = "/srv", workdir = "/",
    umask = 0o022, keep_fds = [3], subcommand = "serve", timeout_flag = "--timeout", env_remove = ["GIT_DIR"],
    ready = "notify", ready_timeout = 5, stop_timeout = 5, pid_mode = 0o600, log_mode = 0o600"""
SINCE = """background_flag = "-b", instance_flag = "--name", pid_in_foreground = true, stop_signal = "SIGINT",
    log_rotate = "10M", log_keep = 5, syslog = "daemon", restart = "always", restart_delay = "1s", restart_limit = 10,
    listen = "http=0.0.0.0:80", before_start = open"""
PID, LOG = 'pid = "/run/hello.pid"', 'log = "/var/log/hello.log"'
SIZES = {
    "nothing": "",
    '`ready = "exec"`': 'ready = "exec"',
    '`ready = "listening"`': 'ready = "listening"',
    '`ready = "tcp:80"`': 'ready = "tcp:80"',
    '`ready = "notify"`, `ready()`': ('ready = "notify"', "daemon::ready();"),
    "`pid`": PID,
    "`log`": LOG,
    "`pid`, `log`": f"{PID}, {LOG}",
    "`pid`, `log`, placeholders": 'pid = "{pid_dir}/hello.pid", log = "{log_dir}/hello.log"',
    "`pid`, `control_flag`": f'{PID}, control_flag = "-s"',
    "`pid`, `control_subcommands`": f'{PID}, control_subcommands = "run"',
    "`pid`, `restart`": f'{PID}, restart = "always"',
    "`pid`, `pid_in_foreground`": f"{PID}, pid_in_foreground = true",
    "`pid`, `instance_flag`": 'pid = "{pid_dir}/{instance}.pid", instance_flag = "--name"',
    "`pid`, `ensure()`": (PID, "let _ = daemon::Daemon::new().ensure();"),
    "`log`, `log_reopen`": f'{LOG}, log_reopen = "SIGUSR1"',
    "`log`, `log_flag`": f'{LOG}, log_flag = "--log-file"',
    "`pid`, `log`, `control_flag`, `log_rotate`": f'{PID}, {LOG}, control_flag = "-s", log_rotate = "10M"',
    "`syslog`": 'syslog = "daemon"',
    "`user`": 'user = "www-data"',
    "`chroot`": 'chroot = "/srv"',
    "`workdir`": 'workdir = "/"',
    "`keep_fds`": "keep_fds = [3]",
    "`listen`": 'listen = "http=0.0.0.0:80"',
    "`before_start`": "before_start = open",
    "`subcommand`": 'subcommand = "serve"',
    "`foreground_flag`": 'foreground_flag = "-f"',
    "`timeout_flag`": 'timeout_flag = "--timeout"',
    "`env_remove`": 'env_remove = ["GIT_DIR"]',
    "`listener()`": ("", 'daemon::listener("http", "0.0.0.0:80").ok();'),
    "`log_writer()`": ("", "let _ = daemon::log_writer();"),
    "`exec()`": ("", 'daemon::exec(&mut std::process::Command::new("x"));'),
    "`unit()`": ("", "let _ = daemon::Daemon::new().unit();"),
    "every option of version 0.1": RELEASE_0_1,
    "every option": f"{RELEASE_0_1}, {SINCE}".replace("/{name}", "/{instance}"),
}
# These are values of others, or no code of the library.
NO_SIZE = {"configure", "crate"}
OPEN = """fn open(start: &mut daemon::Start) -> std::io::Result<()> {
    start.pass("key", std::fs::File::open("/dev/null")?);
    Ok(())
}
"""
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
    rows = [(row, "") if isinstance(row, str) else row for row in SIZES.values()]
    options = (programs.ROOT / "daemon-macros/src/option_table.rs").read_text()
    options = set(re.findall(r'(?:option\(|const [A-Z_]+: &str = )"([a-z_]+)"', options)) - NO_SIZE
    if missing := options - set(re.findall(r"(\w+) =", ", ".join(named for named, _ in rows))):
        sys.exit(f"the table of sizes lacks {', '.join(missing)}")
    directory = bench.directory / "size"
    sources = {"plain": MAIN} | {
        f"p{number}": f"#[daemon::main({named})]\n{MAIN.replace('{', '{ ' + statements, 1)}{OPEN if 'before_start' in named else ''}"
        for number, (named, statements) in enumerate(rows)
    }
    package(directory, 'daemon-main = { path = "ROOT" }', sources)
    target = programs.ROOT / "target/size"
    options = ["--quiet", "--offline", "--release", "--bins", "--target-dir", target]
    programs.run(programs.CARGO, "build", *options, cwd=directory)
    plain = kibibytes(target / "release/plain")
    sizes = [kibibytes(target / f"release/p{number}") - plain for number in range(len(SIZES))]
    return table(
        ["named in the program", "added, KiB:", "over nothing, KiB:"],
        [[name, added, added - sizes[0]] for name, added in zip(SIZES, sizes)],
    )


def check_size(page, measured):
    """The figures that grew by more than 5 % against the page, and the rows that it lacks."""

    def figures(text):
        rows = re.findall(r"^\| (.+?) *\| +(\d+) \| +(\d+) \|", text, re.M)
        return {(name, column): int(figure) for name, *row in rows for column, figure in zip(("added", "over nothing"), row)}

    recorded, grown = figures(read_section(page, "size")), []
    for (name, column), figure in figures(measured).items():
        before = recorded.get((name, column), 0)
        if figure > max(before * GROWTH, before + NOISE):
            grown.append(f"{name}, {column}: {before} → {figure} KiB")
    return grown


def build(bench):
    """Clean builds, interleaved, with everything downloaded before."""
    spent, places = {}, {}
    for number, (name, (dependencies, source)) in enumerate(BUILDS.items()):
        places[name] = bench.directory / f"build-{number}"
        package(places[name], dependencies, {"application": source})
    # A crate of the registry is never built incrementally, but a path is.
    environment = os.environ | {"CARGO_INCREMENTAL": "0"}
    for _ in range(min(5, bench.rounds)):
        for name, place in random.sample(sorted(places.items()), len(places)):
            for profile in ("dev", "release"):
                shutil.rmtree(place / "target", ignore_errors=True)
                before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
                command = f"{programs.CARGO} build --quiet --offline --target-dir target --profile {profile}"
                programs.run(*command.split(), cwd=place, env=environment)
                end, after = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
                # Unlike the time on the wall, the processor time hardly depends on other processes.
                cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
                spent.setdefault((name, profile), []).append((cpu, end - begin))
    rows = []
    for name, place in places.items():
        command = f"{programs.CARGO} tree --offline --prefix none --edges normal,build --no-dedupe --format {{p}}"
        tree = subprocess.run(command.split(), cwd=place, check=True, capture_output=True, text=True).stdout
        crates = len({line.split(" (")[0] for line in tree.splitlines()}) - 1
        times = [f"{median(times):.1f}" for profile in ("dev", "release") for times in zip(*spent[name, profile])]
        rows.append([name, crates, *times, kibibytes(place / "target/release/application")])
    headings = ["debug build, CPU s:", "on the wall, s:", "release build, CPU s:", "on the wall, s:"]
    return table(["program with", "crates:", *headings, "stripped, KiB:"], rows)


def page_faults(command, **options):
    """The median of 51 runs: now and then a page is in no cache."""
    faults = []
    for _ in range(51):
        program = subprocess.Popen(command, **options)
        program.stderr.close()
        faults.append(os.wait4(program.pid, 0)[2].ru_minflt)
        program.returncode = 0
    return round(median(faults))


def foreground(bench):
    """System calls (strace), instructions (callgrind) and page faults, with and without the attribute."""
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
                    page_faults(command, **options),
                    "-" if name == "without" else ", ".join(differing) or "none",
                ]
            )
    return table(["foreground", "arguments:", "system calls:", "instructions:", "page faults:", "calls that differ"], rows)
