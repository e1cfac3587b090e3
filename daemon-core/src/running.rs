//! The guard and the free functions the user calls.

/// The guard that `enter` and `start` give to a program that runs.
#[derive(Debug)]
#[must_use = "keep it until the end of `main`"]
pub struct Running {}
