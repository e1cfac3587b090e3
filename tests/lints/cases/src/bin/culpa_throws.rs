//! An attribute below ours that adds the return type.

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

use std::num::ParseIntError;

#[daemon::main]
#[culpa::throws(ParseIntError)]
fn main() {
    let _five = "5".parse::<u8>()?;
}
