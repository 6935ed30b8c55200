//! One that waits.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use crate::level::Level;

/// A clock may be a little behind the one that noted an arrival. Arrivals further ahead are from before it stepped back.
const SLACK_MS: u64 = 1_000;

/// A request that waits, and whom to wake for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The VM whose queue it listens to.
    pub vm: u64,
    /// Which of its streams.
    pub stream: u32,
}

/// A request that would like to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Who it is.
    pub member: Member,
    /// How important it is.
    pub level: Level,
    /// Whose it is, as a hash. Tenants that collide share one turn.
    pub tenant: u32,
    /// The last moment at which it is of use to let it go: [`crate::deadline`].
    pub deadline: Timestamp,
}

/// One that waits. About 28 bytes in a record; times are whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) member: Member,
    pub(super) level: Level,
    pub(super) tenant: u32,
    /// Its turn in its level: the smallest goes first.
    pub(super) tag: u64,
    arrived_ms: u64,
    deadline_ms: u64,
}

impl Entry {
    pub(super) const fn new(waiter: &Waiter, tag: u64, now: Timestamp) -> Self {
        let Waiter { member, level, tenant, deadline } = *waiter;
        let (arrived_ms, deadline_ms) = (now.as_millis(), deadline.as_millis());
        Self { member, level, tenant, tag, arrived_ms, deadline_ms }
    }

    /// Whether to let it go is of no use any more. One from a time that has not come yet has no deadline that can be
    /// trusted: the clock stepped back.
    pub(super) const fn is_overdue(&self, now: Timestamp) -> bool {
        now.as_millis() >= self.deadline_ms || self.arrived_ms > now.as_millis() + SLACK_MS
    }

    pub(super) const fn has_waited(&self, now: Timestamp) -> Duration {
        Duration::from_millis(now.as_millis().saturating_sub(self.arrived_ms))
    }
}
