//! Purging: what was stored before is a miss from now on, wherever it lies.
//!
//! Nothing is looked for and deleted. A purge sets a **mark**: a scope (a tenant, a model, one revision of it, a key) and
//! a time. Every entry carries a **stamp**, and one whose stamp is not after the marks of its scopes is a miss, in every
//! tier. So a purge takes effect at once and as a whole, in tiers of any size, also in one that cannot be reached.
//!
//! Marks are kept in every tier and read back from there, because a tier outlives this process and is shared with
//! others. They are kept for as long as an entry can live ([`Marks::prune`]).
//!
//! **Clocks of several cache tiers differ.** A mark is therefore set ahead by the allowed skew, and a stamp is at least
//! one after the marks of its scopes that are known where it is given. Two marks of a scope merge to the later one. What
//! a cache tier stores before it hears of a purge is a miss too: that costs a computation, and nothing else.

mod marks;
mod scope;
#[cfg(test)]
mod tests;

pub use marks::{Mark, MarkLimits, Marks};
pub use scope::{Scope, Scopes};
