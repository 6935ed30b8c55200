//! Who computes an entry that nobody has.
//!
//! ```text
//!            a miss asks                 stored: those in line get it
//!   no lease ───────────► granted ──────────────────────────────────► no lease
//!                          ▲   │ given back, or its time is over
//!                          └───┘ the first in line is granted it
//! ```
//!
//! Leases are of this process: several cache tiers in front of the same Redis each grant their own. They are a matter
//! of cost, not of truth: an answer that is computed twice is stored twice, and no lease is needed to store one.

mod place;
mod table;
#[cfg(test)]
mod tests;

pub use place::Place;
pub use table::{Asked, Held, LeaseLimits, Leases, Told};
