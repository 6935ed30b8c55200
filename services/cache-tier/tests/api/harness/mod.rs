//! A cache tier, and what only its own tests look at.

mod entries;
mod in_redis;
mod objects;
mod tier;
mod tier_reply;

pub(crate) use entries::{entry, key, now_ms};
pub(crate) use in_redis::keys;
pub(crate) use objects::Objects;
pub(crate) use tier::CacheTier;
pub(crate) use tier_reply::TierReply;
