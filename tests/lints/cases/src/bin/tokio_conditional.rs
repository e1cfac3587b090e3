//! A runtime under `cfg_attr`.

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
#[cfg_attr(unix, tokio::main)]
async fn main() {
    tokio::task::yield_now().await;
}
