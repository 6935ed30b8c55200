//! The tiers behind the response cache: memory, disk, Redis and an object store, over HTTP.
//!
//! ```text
//! http        requests and answers
//!   cache     the tiers together: looking up, storing, purging
//!     leases  who computes what nobody has
//!     tier    memory; and the layers behind it, each with its deadline, circuit and queue of writes
//!       seal  entries outside of this process: compressed, encrypted, checked
//!     purge   marks: what was stored before them is a miss
//!   budgets   what several Envoys have used of their tenants' budgets
//! metrics     what is counted on the way
//! ```
//!
//! Connections and stopping are [`spillway_serving`]'s. A tier that fails is a tier that has nothing: whoever asks gets a miss, never an error. Bodies, tenants and tokens
//! stand in no log, metric or error, and of keys only the first digits.

#![forbid(unsafe_code)]

pub mod budgets;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod http;
pub mod leases;
pub mod metrics;
pub mod purge;
pub mod seal;
pub mod start;
pub mod stored;
pub mod tier;
