//! How much a pool is given at once, who waits for it, and who is refused.
//!
//! - [`level`] orders requests by importance;
//! - [`limit`] finds how many requests a pool can work on at once, from how long first tokens take;
//! - [`reserve`] is what less important levels leave of it;
//! - [`admission`] says whether a request goes, waits or is refused, and [`reason`] why;
//! - [`queue`] holds those that wait: by level, fair between tenants, none beyond its [`deadline`];
//! - [`overload`] says in one number how hard a pool is pressed, and [`ladder`] what is done before anybody is refused;
//! - [`retry_after`] spreads the return of those that were refused;
//! - [`budget`] keeps what each tenant may use a minute;
//! - [`control`] is the record in which limit, overload, ladder and rates of a pool live.
//!
//! Records are shared by Envoy workers' VMs and changed by compare-and-swap, so every operation is a function of the
//! record, its arguments and `now`. Shed means refused because of load; what is beyond a budget is rate-limited.
//!
//! What this crate does not do: choose endpoints, keep records, talk to Envoy, know the time.

#![forbid(unsafe_code)]

pub mod admission;
pub mod budget;
pub mod control;
pub mod deadline;
pub mod ladder;
pub mod level;
pub mod limit;
pub mod overload;
pub mod queue;
pub mod rates;
pub mod reason;
pub mod reserve;
pub mod retry_after;
