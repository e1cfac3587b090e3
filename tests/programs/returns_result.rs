//! A `main` that returns a `Result`, and uses `?`.

#![allow(clippy::print_stdout, reason = "a careless program is under test")]

#[path = "conduct.rs"]
mod conduct;

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() -> Result<(), String> {
    conduct::follow()?;
    Ok(())
}
