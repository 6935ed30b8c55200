//! What every decision is made of: points in time, moving averages, backoff, seeded randomness.
//!
//! Nothing here reads a clock or gathers entropy. Time and seeds come in as arguments, so that the same decision
//! runs in a filter, in a simulator and in a test.

mod backoff;
mod ewma;
mod seed;
mod timestamp;

pub use backoff::Backoff;
pub use ewma::Ewma;
pub use seed::{Rng, rng_from};
pub use timestamp::Timestamp;
