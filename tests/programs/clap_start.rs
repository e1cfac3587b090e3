//! A program whose only parser is clap, in builder style, with another switch that counts in every
//! subcommand. It calls `start`, prints what clap saw, and stays as a daemon.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a careless program is under test"
)]

use std::thread;

use clap::{Args, Command, FromArgMatches};
use daemon::Daemon;
use daemon::clap::{Background, show_default};

const PID_FILE: &str = "clap_start.pid";

fn command() -> Command {
    let command = Command::new("clap_start").subcommand(Command::new("serve"));
    Background::augment_args(command)
        .mut_arg("background", |arg| arg.short('b').long("bg").global(true))
        .mut_arg("pid_file", |arg| show_default(arg, PID_FILE).global(true))
}

fn main() {
    let matches = command().get_matches();
    let background = Background::from_arg_matches(&matches).expect("the arguments above");
    let daemon = Daemon::new().pid(PID_FILE).log("clap_start.log");
    let _daemon = background
        .is_asked
        .then(|| background.apply(daemon).start());
    println!("{background:?}");
    while daemon::is_daemon() {
        thread::park();
    }
}
