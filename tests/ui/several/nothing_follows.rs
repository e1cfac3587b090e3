//! The body is used, and the return type is the type of the user.
#![deny(warnings)]

use std::process::ExitCode;

#[daemon::main(pidd = "a.pid")]
fn main() -> ExitCode {
    helper()
}

fn helper() -> ExitCode {
    ExitCode::SUCCESS
}
