//! A body with attributes, imports, items and a return.

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

/// An outer doc comment.
#[daemon::main(pid = "/run/a.pid", background_flag = "-b")]
/// Another one.
#[must_use = "the reason is in it"]
fn main() -> Result<(), ParseIntError> {
    #![allow(clippy::items_after_statements)]

    use std::env::args;

    const FIRST: usize = 1;

    let number = args().nth(FIRST).map_or(Ok(5), |word| word.parse::<u8>());

    const fn is_small(number: u8) -> bool {
        number < 10
    }

    if is_small(number?) {
        return Ok(());
    }
    Ok(())
}
