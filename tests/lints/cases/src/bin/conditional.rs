//! The attribute under `cfg_attr`.

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

#[cfg(unix)]
#[daemon::main]
fn main() {
    #[cfg(not(unix))]
    compile_error!("only on Unix");
}

#[cfg(not(unix))]
#[cfg_attr(unix, daemon::main)]
fn main() {}
