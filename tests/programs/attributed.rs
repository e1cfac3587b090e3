//! `plain.rs` with the attribute, and otherwise line for line the same.

#![allow(clippy::print_stdout, reason = "a program that prints")]

#[daemon::main(pid = "{name}.pid", log = "{name}.log")]
fn main() {
    println!("hello");
}
