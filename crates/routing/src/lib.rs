//! Which endpoint takes a request.
//!
//! [`decision`] is the whole of it: from a [`snapshot`] of the pool and the load of the moment to an ordered list.
//! Its parts: [`known`] is what moves slowly about an endpoint, [`score`] says how much an endpoint wants the next
//! request, [`choice`] picks among a few candidates at random by it, [`affinity`] keeps like requests together,
//! [`elsewhere`] is what follows from load reports.
//! [`table`] is what all Envoy workers agree on about a pool's endpoints, and [`membership`] reads who belongs to
//! the pool. What this crate does not do: count requests, talk to Envoy, know the time.

pub mod affinity;
pub mod choice;
pub mod decision;
pub mod elsewhere;
pub mod known;
pub mod membership;
pub mod score;
pub mod snapshot;
pub mod table;

#[cfg(test)]
mod properties;
