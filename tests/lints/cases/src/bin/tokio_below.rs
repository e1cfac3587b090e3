//! A runtime, started in the daemon only.

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

/// Reads a number.
#[daemon::main(pid = "/run/a.pid")]
#[tokio::main]
async fn main() -> Result<(), ParseIntError> {
    tokio::task::yield_now().await;
    let _five = "5".parse::<u8>()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn main_is_a_function_like_any_other() {
        let _ = super::main();
    }
}
