//! `attributed.rs` without the attribute, and otherwise line for line the same.

#![allow(clippy::print_stdout, reason = "a program that prints")]

fn main() {
    println!("hello");
}
