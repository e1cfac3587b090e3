//! The attribute below the attribute of a runtime.

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

#[tokio::main]
#[daemon::main(pid = "/run/a.pid")]
async fn main() {
    tokio::task::yield_now().await;
}
