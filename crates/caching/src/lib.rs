//! Which answers are kept, under which key, for how long, and who waits for whom.
//!
//! - [`canonical`] reads a request body once and gives the digest that all ways to write the same request share;
//! - [`key`] makes the key of an entry from it and from everything else that an answer depends on.
//!
//! What this crate does not do: keep bodies, talk to Envoy or to a cache tier, know the time.

#![forbid(unsafe_code)]

pub mod canonical;
pub mod digest;
pub mod key;
