//! What the parts of Spillway agree on: header names, metric names, the load report, the error body, how records are
//! written, entries of the response cache and how the cache tier is asked for them.
//!
//! A name that two parts must spell alike is spelt here, once.

pub mod cache;
pub mod error_body;
pub mod headers;
pub mod load_report;
pub mod metrics;
pub mod record;
