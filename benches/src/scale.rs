//! Many daemons of one program, each with its own PID file and log, started from two threads and
//! stopped.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::Bench;
use crate::contestants::{Contestant, Outcome};
use crate::memory::Occupied;
use crate::programs::Missing;
use crate::reaper;
use crate::run::{Runner, now};
use crate::sample::Sample;
use crate::table::{Table, micros};
use crate::watchdog::Watchdog;

const STARTERS: usize = 2;

/// What one thread started.
#[derive(Debug, Default)]
struct Started {
    prompts: Vec<Duration>,
    daemons: Vec<Pid>,
    failures: Vec<String>,
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let title = format!("{} daemons", bench.daemons);
    let mut table = Table::new(&[
        &title,
        "wall, µs each:",
        "prompt, µs:",
        "p90:",
        "stop, µs each:",
        "failed:",
        "PSS each, KiB:",
        "notes",
    ]);
    for contestant in bench
        .contestants()
        .filter(|contestant| contestant.outcome == Outcome::PidFile)
    {
        match bench.programs.find(contestant.program) {
            Ok(_) => table.row(row(bench, contestant)?),
            Err(Missing(package)) => {
                table.row([
                    contestant.name.to_owned(),
                    format!("missing: install {package}"),
                ]);
            }
        }
    }
    bench.print(&table)
}

fn row(bench: &Bench, contestant: &'static Contestant) -> Result<Vec<String>> {
    let start = now()?;
    let started = start_all(bench, contestant);
    let starting = now()?.saturating_sub(start);
    // Whatever failed, nothing may be left when this returns.
    let measured = started.map(|mut started| {
        let mut proportional = 0;
        for &pid in &started.daemons {
            match Occupied::by(pid) {
                Ok(occupied) => proportional += occupied.proportional,
                // It came up, and has ended since.
                Err(error) => started.failures.push(format!("{error:#}")),
            }
        }
        (started, proportional)
    });
    let start = now()?;
    for &daemon in measured.iter().flat_map(|(started, ..)| &started.daemons) {
        kill(daemon, Signal::SIGTERM)?;
    }
    for &daemon in measured.iter().flat_map(|(started, ..)| &started.daemons) {
        reaper::reap_one(daemon)?;
    }
    let stopping = now()?.saturating_sub(start);
    reaper::kill_all(None)?;

    let (started, proportional) = measured?;
    let count = u32::try_from(started.daemons.len())?.max(1);
    let prompts: Sample = started.prompts.into_iter().collect();
    Ok(vec![
        contestant.name.to_owned(),
        micros(Some(starting / count)),
        micros(prompts.median()),
        micros(prompts.percentile(90)),
        micros(Some(stopping / count)),
        started.failures.len().to_string(),
        (proportional / u64::from(count)).to_string(),
        started.failures.into_iter().next().unwrap_or_default(),
    ])
}

fn start_all(bench: &Bench, contestant: &'static Contestant) -> Result<Started> {
    let mut all = Started::default();
    thread::scope(|scope| {
        let starters: Vec<_> = (0..STARTERS)
            .map(|first| scope.spawn(move || start_share(bench, contestant, first)))
            .collect();
        for starter in starters {
            let started = starter
                .join()
                .map_err(|_| anyhow!("a starter panicked"))??;
            all.prompts.extend(started.prompts);
            all.daemons.extend(started.daemons);
            all.failures.extend(started.failures);
        }
        Ok(all)
    })
}

fn start_share(bench: &Bench, contestant: &'static Contestant, first: usize) -> Result<Started> {
    let watchdog = Watchdog::start();
    let mut started = Started::default();
    for number in (first..bench.daemons).step_by(STARTERS) {
        let runner = match bench.runner_at(contestant, &number.to_string(), &watchdog)? {
            Ok(runner) => runner,
            Err(Missing(package)) => return Err(anyhow!("missing: install {package}")),
        };
        match launch(&runner) {
            Ok((prompt, daemon)) => {
                started.prompts.push(prompt);
                started.daemons.extend(daemon);
            }
            Err(error) => started.failures.push(format!("{error:#}")),
        }
        // One that hangs would take ten seconds each time.
        if started.failures.len() >= 3 && started.daemons.is_empty() {
            break;
        }
    }
    Ok(started)
}

fn launch(runner: &Runner) -> Result<(Duration, Option<Pid>)> {
    runner.site.reset()?;
    let (times, daemon) = runner.launch(None)?;
    Ok((times.prompt, daemon))
}
