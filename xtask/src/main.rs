//! cargo xtask: set-up, build, up, test, bench, lint.

fn main() {}
