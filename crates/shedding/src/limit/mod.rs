//! How many requests a pool can work on at once.
//!
//! Nobody has to say it: the limit is found from how long first tokens take. Three ideas are older than this:
//!
//! - TCP Vegas (Brakmo and Peterson 1995) compares what is in flight with what would be if nothing queued, and keeps the
//!   difference, the queue, at a small number;
//! - Gradient2 of Netflix's concurrency-limits lowers a limit by the ratio of a long and a short mean of latencies;
//! - Envoy's adaptive concurrency filter does so with a minimum that it measures by letting only few requests in, three
//!   by default, for a while.
//!
//! An inference engine is unlike the services these were made for. A request holds its slot while it decodes, which takes
//! as long as its answer is, so latency says little about a queue; only the time to the first token does. And the ratio
//! of two such times says little about how long the queue is: with a first token after 40 ms and answers of 5 s, one
//! request that waits for a slot already makes the ratio a hundred. So this counts who waits, by Little's law: the mean
//! number of those that wait is the sum of their waits ÷ the time in which it was summed. A wait is what a time to the
//! first token exceeds the baseline of its [`Class`] by.
//!
//! ```text
//! waiting by what began:      Σ (time to first token − baseline) ÷ window    sure, but late by one wait
//! waiting by what has not:    ∫ streams without a token − Σ baselines        at once, but a hung endpoint looks like it
//! ```
//!
//! Where a part of the limit is reserved for important requests, most of the time less is in flight than the limit says,
//! and nobody waits although the limit is beyond what the workers can do. So the waits of those that went with a reserved
//! permit are looked at by themselves: the limit grows until these begin to wait. Then what the others may use is a little
//! less than all slots, and the reserve is one of free slots and not of places in a line.
//!
//! Growth stops as soon as the second shows a queue; the limit shrinks by what both show, to what is in flight and does
//! not wait. It neither grows nor shrinks while nobody needs it.
//!
//! Sources of error, and what is done about them. *The baseline holds a queue*, because the pool was never idle: at the
//! start of each epoch a saturated pool gets a little less, for one window, and is measured; it never gets next to
//! nothing. *The baseline is too low*, because first tokens take longer than they once did: the limit shrinks and the
//! "queue" does not; then it was none, and the baseline is what it is now ([`Limiter::update`]). *Other Envoys* fill the
//! same pool: each sees the waits of its own requests only, so each keeps its own small queue.
//!
//! A pool where next to nothing streams has no first tokens. There the limit climbs while more in flight gets more done:
//! less sure, and slower.
//!
//! Where all inference workers report their slots, these bound the limit from both sides.

mod baseline;
mod class;
mod climb;
pub(crate) mod limiter;
mod queued;
mod samples;
mod settings;
mod window;

pub use class::{CLASSES, Class, PROMPT_BOUNDS};
pub use limiter::{Limiter, Reported};
pub use samples::Samples;
pub use settings::Settings;
pub use window::{End, Observer, Permit, Sent, Window};

#[cfg(test)]
mod tests;
