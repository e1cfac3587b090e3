#![deny(unreachable_pub)]

#[daemon::main]
pub fn main() {}
