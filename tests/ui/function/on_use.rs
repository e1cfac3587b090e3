#[daemon::main]
use std::fs as _;

fn main() {}
