//! An attribute below ours that changes the return type.

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

use snafu::Snafu;

#[derive(Debug, Snafu)]
#[snafu(display("nothing works"))]
struct Nothing;

#[daemon::main]
#[snafu::report]
fn main() -> Result<(), Nothing> {
    if std::env::args().count() == usize::MAX {
        return NothingSnafu.fail();
    }
    Ok(())
}
