//! One program with many shapes of starts: `zoo -d SHAPE`. Those that fail end with status 3.
//!
//! Addresses and paths come from the bench, which provides a database, a silent server and so on.

mod failing_async;
mod failing_std;
mod healthy_async;
mod healthy_std;
mod world;

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};

/// The bench compares with a start that waits for nothing.
fn configure(daemon: daemon::Daemon) -> daemon::Daemon {
    match env::var("ZOO_READY") {
        Ok(readiness) => daemon.ready(readiness.parse().expect("a readiness mode")),
        Err(_) => daemon,
    }
}

/// A name, and what a program of this shape does.
type Shape = (&'static str, fn());

#[daemon::main(configure = configure)]
fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let (name, arguments) = words.split_first().expect("the name of a shape");
    if name == "exec" {
        let error = Command::new(&arguments[0]).args(&arguments[1..]).exec();
        eprintln!("{}: {error}", arguments[0]);
        exit(127);
    }
    let tables = [
        healthy_std::SHAPES,
        healthy_async::SHAPES,
        failing_std::SHAPES,
        failing_async::SHAPES,
    ];
    let shape = tables
        .into_iter()
        .flatten()
        .find(|(known, _)| known == name);
    let (_, run) = shape.expect("a known shape");
    run();
}
