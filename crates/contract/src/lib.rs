//! What the parts of Spillway agree on: header names, metric names, the load report, the error body, how records are
//! written.
//!
//! A name that two parts must spell alike is spelt here, once.

pub mod error_body;
pub mod headers;
pub mod load_report;
pub mod metrics;
pub mod record;
