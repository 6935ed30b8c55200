//! Which endpoint takes a request.
//!
//! [`score`] says how much an endpoint wants the next request, [`choice`] picks among a few candidates at random
//! by it, [`table`] is what all Envoy workers agree on about a pool's endpoints, and [`membership`] reads who
//! belongs to the pool. What this crate does not do: count requests, talk to Envoy, know the time.

pub mod choice;
pub mod membership;
pub mod score;
pub mod table;

#[cfg(test)]
mod properties;
