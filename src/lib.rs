#![forbid(unsafe_code)]
//! One attribute gives a command-line program `-d, --background`.

pub use daemon_core::*;
pub use daemon_macros::main;
