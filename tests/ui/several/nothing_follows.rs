//! The body still counts: what it uses is used, and the return type is the user's own.
#![deny(warnings)]

use std::process::ExitCode;

#[daemon::main(pidd = "a.pid")]
fn main() -> ExitCode {
    helper()
}

fn helper() -> ExitCode {
    ExitCode::SUCCESS
}
