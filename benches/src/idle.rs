//! What an idle daemon occupies, against the same program in the foreground under `nohup`.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::bench::Bench;
use crate::contestants::{Contestant, Outcome};
use crate::memory::Occupied;
use crate::programs::{Missing, Program};
use crate::reaper;
use crate::table::Table;

/// Ours, without the switch.
const FOREGROUND: Contestant = Contestant {
    name: "ours, foreground under nohup",
    program: Program::Tool {
        name: "sh",
        package: "dash",
    },
    arguments: &[
        "-c",
        "nohup \"$1\" exec </dev/null >>\"$2\" 2>&1 &",
        "sh",
        "{built}/ours",
        "{log}",
    ],
    outcome: Outcome::Daemon,
    work: "log",
};

/// How often each is started; pages are mapped a little differently each time.
const STARTS: usize = 5;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let headings = [
        "idle daemon",
        "RSS, KiB:",
        "PSS, KiB:",
        "private dirty, KiB:",
        "threads:",
        "descriptors:",
    ];
    let mut table = Table::new(&headings);
    let daemons = bench
        .contestants()
        .filter(|contestant| contestant.outcome != Outcome::Nothing);
    for contestant in [&FOREGROUND].into_iter().chain(daemons) {
        let cells = match occupied(bench, contestant) {
            Ok(Ok(typical)) => vec![
                typical.resident.to_string(),
                typical.proportional.to_string(),
                typical.private_dirty.to_string(),
                typical.threads.to_string(),
                typical.descriptors.to_string(),
            ],
            Ok(Err(Missing(package))) => vec![format!("missing: install {package}")],
            Err(error) => vec![format!("fails: {error:#}")],
        };
        table.row([contestant.name.to_owned()].into_iter().chain(cells));
    }
    bench.print(&table)
}

/// The start whose resident memory is the median.
fn occupied(bench: &Bench, contestant: &'static Contestant) -> Result<Result<Occupied, Missing>> {
    let runner = match bench.runner(contestant)? {
        Ok(runner) => runner,
        Err(missing) => return Ok(Err(missing)),
    };
    let mut all = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        runner.site.reset()?;
        let result = runner.launch(None).and_then(|(_, daemon)| {
            // The launcher's intermediate processes are gone by then.
            thread::sleep(Duration::from_millis(50));
            Ok((daemon, Occupied::by(daemon.context("a daemon has a pid")?)?))
        });
        reaper::kill_all(result.as_ref().ok().and_then(|(daemon, _)| *daemon))?;
        all.push(result?.1);
    }
    all.sort_by_key(|occupied| occupied.resident);
    Ok(Ok(all[STARTS / 2]))
}
