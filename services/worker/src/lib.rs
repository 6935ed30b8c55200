//! An inference worker: an OpenAI-compatible API in front of a language model, or of a simulation of one.
//!
//! ```text
//! server      connections, time limits, stopping
//!   http      requests and answers, errors, streams, the load report
//!     engine  what generates text: `model` or `simulated`
//!   metrics   what is counted on the way
//! ```
//!
//! Prompts, answers and credentials are never logged, counted or repeated in errors.

#![forbid(unsafe_code)]

pub mod cli;
pub mod engine;
pub mod http;
pub mod metrics;
pub mod server;

mod process;
