//! Which answers are kept, under which key, for how long, and who waits for whom.
//!
//! - [`canonical`] reads a request body once and gives the digest that all ways to write the same request share;
//! - [`key`] makes the key of an entry from it and from everything else that an answer depends on;
//! - [`control`] is what client and server say with `Cache-Control`;
//! - [`eligible`] says whether a request may be answered from the cache, [`storable`] whether an answer may be kept;
//! - [`freshness`] says how long it may be used, fresh and stale;
//! - [`shelf`] is the index of the entries, and says which goes when another comes;
//! - [`flight`] lets the same request be computed once;
//! - [`status`] writes `Cache-Status`, which says what was done.
//!
//! The words are those of RFC 9111, and each rule names its section. What this crate does not do: keep bodies, talk to
//! Envoy or to a cache tier, validate entries with the upstream, know the time.

#![forbid(unsafe_code)]

pub mod canonical;
pub mod control;
pub mod digest;
pub mod eligible;
pub mod flight;
pub mod freshness;
pub mod key;
pub mod media_type;
pub mod shelf;
pub mod status;
pub mod storable;
