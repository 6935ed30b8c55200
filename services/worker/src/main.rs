//! An inference worker with an OpenAI-compatible API: a real model, or a simulated one for load tests.

fn main() {}
