use std::process::ExitCode;

#[daemon::main]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
