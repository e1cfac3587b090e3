use std::process::{ExitCode, Termination};

#[daemon::main]
fn main() -> impl Termination {
    ExitCode::SUCCESS
}
