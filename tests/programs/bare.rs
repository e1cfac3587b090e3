//! The attribute without an option.

#[daemon::main]
fn main() {}
