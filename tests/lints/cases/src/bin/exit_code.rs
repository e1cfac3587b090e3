//! A `main` that returns an `ExitCode`.

#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[daemon::main]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
