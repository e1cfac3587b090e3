//! Does nothing: the cost of starting a program and waiting for its end.

fn main() {}
