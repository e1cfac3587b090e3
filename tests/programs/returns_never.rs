//! A `main` that does not return.

#![allow(
    clippy::exit,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a careless program is under test"
)]

#[path = "conduct.rs"]
mod conduct;

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() -> ! {
    if let Err(error) = conduct::follow() {
        eprintln!("{error}");
        std::process::exit(5);
    }
    std::process::exit(0);
}
