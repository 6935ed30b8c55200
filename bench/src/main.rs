//! What Spillway costs and what it brings, measured in one run beside a baseline.

fn main() {}
