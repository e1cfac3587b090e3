//! The attribute on a program that declares the switch and the path flags for clap, in one
//! subcommand. It prints what clap saw, and stays when it serves.

#![allow(clippy::print_stdout, reason = "a careless program is under test")]

use std::thread;

use clap::{Parser, Subcommand};
use daemon::clap::{Background, ControlFlag};

#[derive(Parser)]
#[command(name = "clap_attribute", infer_long_args = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serves a directory
    Serve {
        #[command(flatten)]
        background: Background,
        #[command(flatten)]
        control: ControlFlag,
        directory: String,
        /// Says more
        #[arg(short)]
        verbose: bool,
    },
    /// Makes a key
    Genkey {
        /// Derives the key
        #[arg(short)]
        derive: bool,
    },
}

#[daemon::main(
    subcommand = "serve",
    pid = "{name}.pid",
    log = "{name}.log",
    pid_flag = "--pid-file",
    log_flag = "--log-file",
    control_flag = "-s"
)]
fn main() {
    match Cli::parse().verb {
        Verb::Serve {
            background,
            control: _,
            directory,
            verbose: _,
        } => {
            println!("{directory} {background:?}");
            while daemon::is_daemon() {
                thread::park();
            }
        }
        Verb::Genkey { derive } => println!("genkey {derive}"),
    }
}
