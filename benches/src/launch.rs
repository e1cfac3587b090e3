//! From start to prompt, everyone against everyone.

use std::time::Duration;

use anyhow::Result;

use crate::bench::Bench;
use crate::contestants::{Contestant, FLOOR, OURS};
use crate::programs::Missing;
use crate::run::Runner;
use crate::sample::Sample;
use crate::table::{Table, micros, ratio};

/// Launches before the first that counts, to fill the caches.
const WARM_UP: usize = 3;

/// What was measured of one contestant.
#[derive(Debug, Default)]
struct Measured {
    prompt: Sample,
    up: Sample,
    failures: usize,
    /// Why the last failure failed.
    reason: String,
}

/// A goal: what the first may take at most, relative to the second.
const GOALS: &[(&str, &str, f64)] = &[
    (OURS, "daemonize", 1.0),
    (OURS, "go-daemon", 0.8),
    (OURS, "bare spawn", 1.15),
    ("ours, notify", "bare spawn, byte", 1.1),
];

/// Measures in rounds, each contestant once a round in an order that is new each time: what disturbs
/// the machine for a while disturbs all alike.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    let contestants: Vec<_> = bench.contestants().collect();
    let runners: Vec<Result<Runner, Missing>> = contestants
        .iter()
        .map(|contestant| bench.runner(contestant))
        .collect::<Result<_>>()?;
    let mut measured: Vec<Measured> = contestants.iter().map(|_| Measured::default()).collect();
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    for round in 0..WARM_UP + bench.rounds {
        fastrand::shuffle(&mut order);
        for &index in &order {
            if let Ok(runner) = &runners[index] {
                measure(runner, round >= WARM_UP, &mut measured[index]);
            }
        }
    }

    let find = |name| {
        contestants
            .iter()
            .position(|contestant| contestant.name == name)
    };
    let median = |name| find(name).and_then(|index| measured[index].prompt.median());
    let (ours, floor) = (median(OURS), median(FLOOR));
    let mut table = Table::new(&[
        "launch",
        "prompt, µs:",
        "p10:",
        "p90:",
        "× ours:",
        "over no-op:",
        "user code, µs:",
        "failed:",
        "work",
    ]);
    for ((contestant, runner), measured) in contestants.iter().zip(&runners).zip(&measured) {
        let prompt = &measured.prompt;
        table.row([
            contestant.name.to_owned(),
            micros(prompt.median()),
            micros(prompt.percentile(10)),
            micros(prompt.percentile(90)),
            ratio(prompt.median(), ours),
            difference(prompt.median(), floor),
            micros(measured.up.median()),
            measured.failures.to_string(),
            work(contestant, runner.as_ref().err(), &measured.reason),
        ]);
    }
    bench.print(&table)?;

    let mut goals = Table::new(&["goal", "at most:", "measured:"]);
    for &(name, base, limit) in GOALS {
        let measured = ratio(median(name), median(base));
        goals.row([format!("{name} / {base}"), format!("{limit:.2}"), measured]);
    }
    bench.print(&goals)
}

fn measure(runner: &Runner, counts: bool, measured: &mut Measured) {
    // One that hangs would take ten seconds each time.
    if measured.failures >= 3 && measured.prompt.median().is_none() {
        measured.failures += 1;
        return;
    }
    match runner.launch_and_kill(None) {
        Ok(times) if counts => {
            measured.prompt.push(times.prompt);
            measured.up.extend(times.up);
        }
        Ok(_) => {}
        Err(error) => {
            measured.failures += usize::from(counts);
            measured.reason = format!("{error:#}");
        }
    }
}

/// In microseconds; a program in C may need less than the floor of one in Rust.
fn difference(duration: Option<Duration>, floor: Option<Duration>) -> String {
    let whole = |duration: Option<Duration>| i64::try_from(duration?.as_micros()).ok();
    match (whole(duration), whole(floor)) {
        (Some(duration), Some(floor)) => (duration - floor).to_string(),
        _ => micros(None),
    }
}

fn work(contestant: &Contestant, missing: Option<&Missing>, reason: &str) -> String {
    match missing {
        Some(Missing(package)) => format!("missing: install {package}"),
        None if reason.is_empty() => contestant.work.to_owned(),
        None => format!("{}; failed: {reason}", contestant.work),
    }
}
