//! What `ready = "settled"` says of starts that succeed and of starts that fail: `just readiness`.
//!
//! `readiness [loaded] [published] [quick] [WORD...]`: with a load of six, with programs of published
//! crates, with one start of each program, and only those whose name holds one of the words. It fails
//! if a program is judged in another way than the page says.

mod brokers;
mod load;
mod programs;
mod services;
mod start;
mod table;

use std::env;
use std::process::ExitCode;

use load::Load;
use programs::Program;
use services::Services;
use start::{Start, run};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words == ["stress"] {
        load::stress();
    }
    let takes = |word: &str| words.iter().any(|known| known == word);
    let filters = words
        .iter()
        .filter(|word| !["loaded", "published", "quick"].contains(&word.as_str()));
    let filters: Vec<&String> = filters.collect();
    let wanted = |program: &&Program| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| program.name.contains(filter.as_str()))
    };
    nix::sys::prctl::set_child_subreaper(true).expect("orphans come here");
    let services = Services::start();
    let load = takes("loaded").then(Load::begin);
    let programs = if takes("published") {
        programs::published()
    } else {
        programs::zoo()
    };
    let own_starts = start::own_starts(&services);
    let starts_with_exec = start::baseline(&services);
    let measure = |program: &Program| {
        let count = if takes("quick") { 1 } else { program.starts };
        let starts: Vec<Start> = (0..count).map(|_| run(program, &services)).collect();
        eprintln!("{} {starts:?}", program.name);
        (program.name, starts)
    };
    let (failing, healthy): (Vec<_>, Vec<_>) = programs
        .iter()
        .filter(wanted)
        .partition(|program| program.fails);
    let healthy: Vec<_> = healthy.into_iter().map(measure).collect();
    let failing: Vec<_> = failing.into_iter().map(measure).collect();
    println!("{}", load::describe(load.is_some()));
    table::print_baseline(&own_starts, &starts_with_exec);
    table::print_healthy(&healthy);
    table::print_failing(&failing);
    let surprises = table::surprises(&healthy, &failing);
    if surprises.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("not as docs/readiness.md says: {}", surprises.join(", "));
    ExitCode::FAILURE
}
