//! An inference worker: an OpenAI-compatible API in front of a language model and an embedding model, or of a simulation of them.
//!
//! ```text
//! http        requests and answers, errors, streams, the load report
//!   engine    what generates text, `model` or `simulated`, and what makes vectors, `bert` or `simulated`
//! metrics     what is counted on the way
//! ```
//!
//! Connections and stopping are [`spillway_serving`]'s. Prompts, answers and credentials are never logged, counted or repeated in errors.

pub mod cli;
pub mod engine;
pub mod http;
pub mod metrics;

mod process;
