//! The OpenAI-style request and response, as filters and inference workers need them.
//!
//! - [`api`]: which API a path belongs to, and which event ends a stream of that API;
//! - [`facts`]: what filters need to know of a request, in one pass over its body;
//! - [`sse`]: an incremental scanner of server-sent events, for bytes split anywhere;
//! - [`request`]: a request body turned into checked values, with errors a caller can act on;
//! - [`response`]: the bodies and stream chunks of an answer;
//! - [`rewrite`]: a body with a few of its members set, and every other byte as it was.
//!
//! Everything here is a function of its arguments: no I/O, no clock, no randomness. The crate runs in the filters
//! (wasm32) and in the worker.
//!
//! What it does not do: it does not know HTTP (status, headers), does not tokenise, and does not interpret prompts.

#![forbid(unsafe_code)]

pub mod api;
pub mod facts;
pub mod request;
pub mod response;
pub mod rewrite;
pub mod sse;
