//! Measures the launch of a daemon side by side with every other way to start one, and prints the
//! tables in Markdown.

mod bench;
mod burden;
mod contestants;
mod control;
mod cost;
mod flatness;
mod foreground;
mod idle;
mod launch;
mod machine;
mod memory;
mod programs;
mod reaper;
mod run;
mod sample;
mod scale;
mod site;
mod table;
mod watchdog;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use bench::Bench;

/// Measures the launch of a daemon side by side with every other way to start one.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// The tables to make; all when none is named.
    tables: Vec<TableName>,

    /// How many times everyone is launched.
    #[arg(long, default_value_t = 200)]
    rounds: usize,

    /// How many daemons run at once in the table `scale`.
    #[arg(long, default_value_t = 1000)]
    daemons: usize,

    /// Only contestants whose name contains one of these, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// Where PID files and logs are put. Default: the directory for temporary files.
    #[arg(long)]
    directory: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TableName {
    /// From start to prompt.
    Launch,
    /// The same from launchers that are large in some way.
    Flatness,
    /// What the attribute costs a program that is run without the switch.
    Foreground,
    /// What an idle daemon occupies.
    Idle,
    /// Many daemons at once.
    Scale,
    /// Asking and stopping a daemon.
    Control,
    /// What the library costs those who build with it.
    Cost,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let inherited = machine::descriptors()?;
    let bench = Bench::prepare(&options)?;
    bench.print(&machine::describe(&bench.directory, inherited)?)?;
    bench.print(&"")?;
    let missing = bench.missing();
    if !missing.is_empty() {
        bench.print(&format!(
            "To measure what is missing: apt-get install {}\n",
            missing.join(" ")
        ))?;
    }
    let tables = if options.tables.is_empty() {
        TableName::value_variants()
    } else {
        &options.tables
    };
    let mut failed = Vec::new();
    for table in tables {
        let run = match table {
            TableName::Launch => launch::run(&bench),
            TableName::Flatness => flatness::run(&bench),
            TableName::Foreground => foreground::run(&bench),
            TableName::Idle => idle::run(&bench),
            TableName::Scale => scale::run(&bench),
            TableName::Control => control::run(&bench),
            TableName::Cost => cost::run(&bench),
        };
        // The others may be had all the same.
        if let Err(error) = run {
            bench.print(&format!("{table:?} fails: {error:#}\n"))?;
            failed.push(table);
        }
    }
    anyhow::ensure!(failed.is_empty(), "without the tables {failed:?}");
    Ok(())
}
