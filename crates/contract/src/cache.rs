//! What the response cache in Envoy and the cache tier beside it agree on.
//!
//! [`entry`] is a stored answer as bytes: written by whoever stores it, sent and kept as it is, read by whoever serves
//! it. [`protocol`] is how entries are asked for, stored and purged over HTTP. [`key`] is how keys are spelt.
//!
//! What it does not do: say what a key is made of, or when an answer may be stored.

pub mod entry;
pub mod key;
pub mod protocol;
