//! A `main` with an opaque return type.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a careless program is under test"
)]

#[path = "conduct.rs"]
mod conduct;

use std::process::{ExitCode, Termination};

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() -> impl Termination {
    if let Err(error) = conduct::follow() {
        eprintln!("{error}");
        return ExitCode::from(6);
    }
    ExitCode::SUCCESS
}
