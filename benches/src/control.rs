//! What the control verbs take: `status` against a program that only reads the file, and how long
//! after the daemon's end `stop` returns.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::bench::Bench;
use crate::contestants::{Contestant, Outcome};
use crate::programs::{Missing, Program};
use crate::reaper;
use crate::run::{Runner, now};
use crate::sample::Sample;
use crate::site::Site;
use crate::table::{Table, micros, ratio};

/// The daemon that is asked and stopped.
const CONTROLLED: Contestant = Contestant {
    name: "controlled",
    program: Program::Rust("controlled"),
    arguments: &["-d"],
    outcome: Outcome::PidFile,
    work: "PID file",
};

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let find = |name| {
        let found = bench.programs.find(Program::Rust(name));
        found.map_err(|Missing(package)| anyhow!("missing: install {package}"))
    };
    let (controlled, reader) = (find("controlled")?, find("reader")?);
    let Ok(runner) = bench.runner(&CONTROLLED)? else {
        return Ok(());
    };
    let (reading, status) = ask(bench, &runner, &reader, &controlled)?;
    let stop: Sample = (0..bench.rounds)
        .map(|_| stop(&runner, &controlled))
        .collect::<Result<_>>()?;

    let mut table = Table::new(&["control", "µs:", "p10:", "p90:", "× reads the file:"]);
    for (name, sample, base) in [
        ("reads the file", &reading, reading.median()),
        ("status", &status, reading.median()),
        ("stop, after the daemon's end", &stop, None),
    ] {
        table.row([
            name.to_owned(),
            micros(sample.median()),
            micros(sample.percentile(10)),
            micros(sample.percentile(90)),
            ratio(sample.median(), base),
        ]);
    }
    bench.print(&table)?;

    let mut goals = Table::new(&["goal", "at most:", "measured:"]);
    let measured = ratio(status.median(), reading.median());
    goals.row(["status / reads the file".into(), "1.20".into(), measured]);
    let measured = micros(stop.median());
    goals.row([
        "stop, after the daemon's end, µs".into(),
        "5000".into(),
        measured,
    ]);
    bench.print(&goals)
}

/// Both about the same daemon, one after the other.
fn ask(
    bench: &Bench,
    runner: &Runner<'_>,
    reader: &Path,
    controlled: &Path,
) -> Result<(Sample, Sample)> {
    runner.site.reset()?;
    let (_, daemon) = runner.launch(None)?;
    let (mut reading, mut status) = (Sample::default(), Sample::default());
    for _ in 0..bench.rounds {
        reading.push(time(command(reader, &runner.site))?);
        let mut verb = command(controlled, &runner.site);
        verb.args(["-s", "status"]);
        status.push(time(verb)?);
    }
    reaper::kill_all(daemon)?;
    Ok((reading, status))
}

/// From the start of a program to its end.
fn time(mut command: Command) -> Result<Duration> {
    let start = now()?;
    let ended = command.status()?;
    let end = now()?;
    ensure!(ended.success(), "{command:?}: {ended}");
    Ok(end.saturating_sub(start))
}

/// From the end of the daemon to that of the verb.
fn stop(runner: &Runner<'_>, controlled: &Path) -> Result<Duration> {
    runner.site.reset()?;
    let (_, daemon) = runner.launch(None)?;
    let daemon = daemon.context("a daemon has a pid")?;
    let watch = thread::spawn(move || end_of(daemon));
    let mut verb = command(controlled, &runner.site);
    let stopped = verb.args(["-s", "stop"]).status()?;
    let end = now()?;
    ensure!(stopped.success(), "stop: {stopped}");
    let ended = watch.join().map_err(|_| anyhow!("nobody watched"))??;
    reaper::kill_all(None)?;
    Ok(end.saturating_sub(ended))
}

/// Waits for it, but leaves it to be reaped.
fn end_of(daemon: Pid) -> Result<Duration> {
    waitid(Id::Pid(daemon), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    now()
}

fn command(program: &Path, site: &Site) -> Command {
    let mut command = Command::new(program);
    command
        .env("BENCH_PID", &site.pid_file)
        .current_dir(&site.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}
