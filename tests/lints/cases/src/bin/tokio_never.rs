//! A runtime that does not return.

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

#[daemon::main]
#[tokio::main]
async fn main() -> ! {
    tokio::task::yield_now().await;
    std::process::exit(0)
}
