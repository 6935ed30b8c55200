//! What every service does around its own work.
//!
//! ```text
//! program     logging, the exit code, being told to stop
//! serve       accepting connections, bounding them, letting them end when the service stops
//!   life      where a service is in its life, as far as requests are concerned
//!   body      reading a request's body, within its bounds
//! options     numbers on the command line, each within its range
//! exposition  metrics as the text that Prometheus reads
//! ```
//!
//! What a service answers is its own: its routes, its errors, what its metrics are called. Nothing here knows what a
//! request is about.

#![forbid(unsafe_code)]

pub mod body;
pub mod exposition;
pub mod life;
pub mod options;
pub mod program;
pub mod reset;
pub mod signals;

mod activity;
mod connection;
mod serve;
mod watched;

pub use serve::{ConnectionLimits, Drain, Served, bind, serve};
