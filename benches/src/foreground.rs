//! What the attribute costs a program that is run without the switch.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::programs::{Missing, Program, find};
use crate::table::{Table, dash};

const COUNTERS: [(&str, &str); 2] = [("strace", "strace"), ("valgrind", "valgrind")];

/// Both programs with no argument and with many; the counters are repeatable, so that one run is
/// enough.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    for (tool, package) in COUNTERS {
        if find(tool).is_none() {
            return bench.print(&format!("The foreground is missing: install {package}\n"));
        }
    }
    let mut table = Table::new(&[
        "foreground",
        "arguments:",
        "system calls:",
        "instructions:",
        "calls that differ",
    ]);
    for arguments in [0, 20] {
        let mut without = BTreeMap::new();
        for (name, program) in [("without", "hello"), ("with", "hello-daemon")] {
            let program = match bench.programs.find(Program::Rust(program)) {
                Ok(program) => program,
                Err(Missing(package)) => return bench.print(&format!("missing: {package}\n")),
            };
            let calls = system_calls(&program, arguments, &bench.directory)?;
            let differing = if name == "without" {
                dash()
            } else {
                difference(&without, &calls)
            };
            table.row([
                format!("{name} the attribute"),
                arguments.to_string(),
                calls.values().sum::<usize>().to_string(),
                instructions(&program, arguments)?.to_string(),
                differing,
            ]);
            without = calls;
        }
    }
    bench.print(&table)
}

/// A fixed environment, since both counters see its length, and arguments that look like ours.
fn under(counter: &str, options: &[&str], program: &Path, arguments: usize) -> Command {
    let mut command = Command::new(counter);
    command
        .env_clear()
        .envs((0..20).map(|number| (format!("BENCH_FILL_{number:02}"), "value")));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .args(options)
        .arg(program)
        .args((0..arguments).map(|number| format!("--option-{number}")));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// How often each system call was made, from exec to exit.
fn system_calls(
    program: &Path,
    arguments: usize,
    directory: &Path,
) -> Result<BTreeMap<String, usize>> {
    let trace = directory.join("trace");
    let options = [
        "-f",
        "-qq",
        "-e",
        "signal=none",
        "-o",
        &trace.to_string_lossy(),
    ];
    let status = under("strace", &options, program, arguments).status()?;
    ensure!(status.success(), "strace: {status}");
    let mut calls = BTreeMap::new();
    for line in fs::read_to_string(&trace)?.lines() {
        // The pid, then the call and its arguments.
        let call = line
            .split_whitespace()
            .nth(1)
            .and_then(|call| call.split_once('('));
        if let Some((name, _)) = call {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    Ok(calls)
}

fn instructions(program: &Path, arguments: usize) -> Result<u64> {
    let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let output = under("valgrind", &options, program, arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.with_context(|| format!("callgrind counted nothing: {said}"))?;
    Ok(count.trim().parse()?)
}

/// What `with` makes more or less often.
fn difference(without: &BTreeMap<String, usize>, with: &BTreeMap<String, usize>) -> String {
    let names: std::collections::BTreeSet<_> = without.keys().chain(with.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .map(|name| {
            (
                name,
                without.get(name).unwrap_or(&0),
                with.get(name).unwrap_or(&0),
            )
        })
        .filter(|(_, without, with)| without != with)
        .map(|(name, without, with)| format!("{name}: {without} → {with}"))
        .collect();
    if differing.is_empty() {
        "none".to_owned()
    } else {
        differing.join(", ")
    }
}
