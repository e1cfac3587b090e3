#![doc = include_str!("links.md")]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use daemon_core::*;
pub use daemon_macros::main;

#[cfg(doc)]
pub mod guide;
