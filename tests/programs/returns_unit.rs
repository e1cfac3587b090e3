//! A `main` that returns nothing, and can fail by a panic only.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a careless program is under test"
)]

#[path = "conduct.rs"]
mod conduct;

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() {
    if let Err(error) = conduct::follow() {
        panic!("{error}");
    }
}
