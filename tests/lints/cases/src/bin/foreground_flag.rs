//! Options that exclude those of `linted_values`.

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

#[daemon::main(foreground_flag = ["-f", "--foreground"], control_subcommands = "run", pid = "a.pid")]
fn main() {}
