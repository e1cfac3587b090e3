//! A runtime with arguments, and a public `main` that returns nothing.

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
#[allow(clippy::redundant_pub_crate)]
#[tokio::main(flavor = "current_thread")]
pub async fn main() {
    tokio::task::yield_now().await;
}
