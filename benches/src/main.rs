//! Measures the launch of a daemon side by side with every other way to start one, and prints the
//! tables in Markdown.

mod bench;
mod contestants;
mod launch;
mod machine;
mod programs;
mod reaper;
mod run;
mod sample;
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
    /// The tables to make; all but `cost` when none is named.
    tables: Vec<TableName>,

    /// How many times everyone is launched.
    #[arg(long, default_value_t = 200)]
    rounds: usize,

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
}

fn main() -> Result<()> {
    let options = Options::parse();
    let bench = Bench::prepare(options.directory.as_deref(), options.rounds, options.only)?;
    bench.print(&machine::describe(&bench.directory)?)?;
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
    for table in tables {
        match table {
            TableName::Launch => launch::run(&bench)?,
        }
    }
    Ok(())
}
