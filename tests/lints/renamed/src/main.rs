//! The dependency has another name.

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

#[renamed::main(pid = "/run/a.pid", log = log_file(), ready = "exec", crate = ::renamed)]
fn main() {}

fn log_file() -> std::path::PathBuf {
    "a.log".into()
}
