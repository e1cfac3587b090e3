//! The launch from a launcher that is large in some way: it should cost what it costs a small one.

use anyhow::Result;

use crate::bench::Bench;
use crate::burden::{Burden, Load};
use crate::contestants::Contestant;
use crate::programs::Missing;
use crate::run::Runner;
use crate::sample::Sample;
use crate::table::{Table, dash, micros, ratio};

/// Fewer rounds than for the launch: each is seven launches, and one fills a GiB.
const SHARE: usize = 5;

#[derive(Debug, Default)]
struct Cell {
    left: Sample,
    prompt: Sample,
    failure: Option<String>,
}

/// Measures every contestant under every burden, in an order that is new in each round.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    let library = match bench.programs.burden() {
        Ok(library) => library,
        Err(Missing(package)) => {
            return bench.print(&format!("Flatness is missing: install {package}\n"));
        }
    };
    let loads = Burden::ALL.map(|burden| Load {
        burden,
        library: library.clone(),
    });
    let contestants: Vec<_> = bench.contestants().collect();
    let runners: Vec<Result<Runner, Missing>> = contestants
        .iter()
        .map(|contestant| bench.burdened_runner(contestant))
        .collect::<Result<_>>()?;
    let mut cells: Vec<[Cell; Burden::ALL.len()]> =
        contestants.iter().map(|_| Default::default()).collect();

    let mut order: Vec<(usize, usize)> = (0..contestants.len())
        .flat_map(|row| (0..loads.len()).map(move |column| (row, column)))
        .collect();
    for _round in 0..(bench.rounds / SHARE).max(1) {
        fastrand::shuffle(&mut order);
        for &(row, column) in &order {
            let cell = &mut cells[row][column];
            match (&runners[row], &cell.failure) {
                (Ok(runner), None) if applies(contestants[row], loads[column].burden) => {
                    match runner.launch_and_kill(Some(&loads[column])) {
                        Ok(times) => {
                            cell.left.extend(times.left);
                            cell.prompt.push(times.prompt);
                        }
                        Err(error) => cell.failure = Some(format!("{error:#}")),
                    }
                }
                _ => {}
            }
        }
    }

    bench.print(&table(
        "until the launcher leaves, µs (× plain)",
        &contestants,
        &runners,
        &cells,
        |cell| &cell.left,
    ))?;
    bench.print(&table(
        "until the prompt, µs (× plain)",
        &contestants,
        &runners,
        &cells,
        |cell| &cell.prompt,
    ))?;
    bench.print(&failures(&contestants, &cells))
}

/// Whether the burden reaches this contestant at all.
fn applies(contestant: &Contestant, burden: Burden) -> bool {
    match burden {
        // Go asks the kernel itself, past any preloaded library.
        Burden::Limit => !matches!(contestant.program, crate::programs::Program::Go),
        Burden::StalePidFile => contestant.outcome == crate::contestants::Outcome::PidFile,
        _ => true,
    }
}

fn table(
    title: &str,
    contestants: &[&Contestant],
    runners: &[Result<Runner, Missing>],
    cells: &[[Cell; Burden::ALL.len()]],
    sample: impl Fn(&Cell) -> &Sample,
) -> Table {
    let headings = Burden::ALL.map(|burden| format!("{}:", burden.heading()));
    let headings: Vec<&str> = [title]
        .into_iter()
        .chain(headings.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(&headings);
    for ((contestant, runner), cells) in contestants.iter().zip(runners).zip(cells) {
        let name = match runner {
            Ok(_) => contestant.name.to_owned(),
            Err(Missing(package)) => format!("{} (missing: install {package})", contestant.name),
        };
        let plain = sample(&cells[0]).median();
        let numbers = cells.iter().enumerate().map(|(column, cell)| {
            let median = sample(cell).median();
            match (&cell.failure, median) {
                (Some(_), _) => "fails".to_owned(),
                (None, None) => dash(),
                (None, Some(_)) if column == 0 => micros(median),
                (None, Some(_)) => format!("{} ({})", micros(median), ratio(median, plain)),
            }
        });
        table.row([name].into_iter().chain(numbers));
    }
    table
}

/// Why a cell says "fails".
fn failures(contestants: &[&Contestant], cells: &[[Cell; Burden::ALL.len()]]) -> String {
    let rows = contestants.iter().zip(cells);
    let cells = rows.flat_map(|(contestant, cells)| {
        Burden::ALL
            .iter()
            .zip(cells)
            .map(move |(burden, cell)| (contestant.name, burden.heading(), cell))
    });
    let failures = cells.filter_map(|(name, burden, cell)| {
        cell.failure
            .as_ref()
            .map(|failure| format!("- {name}, {burden}: {failure}\n"))
    });
    failures.collect()
}
