//! Does nothing: what it costs to start any program and wait for its end.

fn main() {}
