//! Whether an endpoint is given requests.
//!
//! A [`Circuit`] is closed while its endpoint works. After [`Policy::max_fails`] failures in a row, or when too large
//! a share fails, it opens: the endpoint gets nothing for a while. Then it is half-open: a few probes, each with a
//! [`Permit`], find out whether the endpoint is back. [`Isolated`] sees to it that a pool never loses more than a set
//! share of its endpoints this way. [`TimeLimits`] say how long an endpoint may take to say its first word.
//!
//! Circuits and the set of the isolated are small records which several Envoy workers change by compare-and-swap, so
//! every change is a function of the record, the event, `now` and `rng`. When two workers report the same thing, the
//! second finds it done.
//!
//! What this crate does not do: watch requests, keep records, choose endpoints.

mod circuit;
mod fault;
mod isolated;
mod limits;
mod policy;
mod reason;
mod window;

pub use circuit::{Admission, Change, Circuit, Event, Permit, State};
pub use fault::Fault;
pub use isolated::Isolated;
pub use limits::TimeLimits;
pub use policy::{Policy, Ratio};
pub use reason::{ResetReason, TripReason};

#[cfg(test)]
mod properties;
