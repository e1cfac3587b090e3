#[daemon::main]
pub use std::fs;

fn main() {}
