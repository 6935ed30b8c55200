//! Who waits for a permit, and whose turn it is.
//!
//! Those that wait are in different Envoy workers' VMs, so the queue is a record that all of them change by
//! compare-and-swap; every operation here may be run again on a newer one. Whoever is named by an operation's result is to
//! be told by the caller, once the swap succeeded, and is in the queue no longer.
//!
//! The order is: more important levels first; in a level, tenants in turn; of a tenant, who came first. Turns are those of
//! start-time fair queueing (Goyal, Vin and Cheng 1996): each entry gets a tag one beyond that of its tenant's last entry,
//! or, if the tenant has none, beyond the tag of the last one that was let go. Nothing is kept of a tenant but its
//! entries, so any number of tenants fits, and a tenant with one request never stands behind another one's hundred.
//!
//! A request that would wait too long is refused when it comes, not when its time is over: how long it would wait is what
//! stands before it ÷ how fast the pool works it off. Where a level is full, a tenant with a shorter line takes the place of
//! the last one in the longest; where the whole queue is, a more important request takes that of the least important.
//!
//! Scans are linear: a few hundred entries are compared in microseconds, in the time that a copy of the record takes.

mod bounds;
mod entry;

pub use bounds::{Bounds, LevelBounds};
pub use entry::{Member, Waiter};

use std::cmp::Reverse;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use spillway_primitives::Timestamp;

use crate::level::{Level, MAX_LEVELS};
use crate::reason::Reason;
use entry::Entry;

const VERSION: u8 = 1;

/// One in so many that are let go may be one that starves.
const STARVED_ONE_IN: u8 = 10;

/// What becomes of a request that would like to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits.
    Waits {
        /// It waits in the place of this one, which is to be refused: [`Reason::Preempted`].
        preempted: Option<Member>,
    },
    /// It does not: [`Reason::QueueFull`] or [`Reason::Deadline`].
    Refused(Reason),
}

/// One whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Who it is.
    pub member: Member,
    /// Its level.
    pub level: Level,
    /// For how long it has waited.
    pub waited: Duration,
}

/// What [`Queue::take`] gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// To be let go, with a permit.
    pub next: Option<Next>,
    /// To be refused: [`Reason::Deadline`].
    pub overdue: Vec<Member>,
}

/// The requests of a pool that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// In the order in which they came.
    entries: Vec<Entry>,
    /// By level: the tag of the last one that was let go in its turn.
    virtual_time: [u64; MAX_LEVELS],
    /// How many were let go since one that starved was.
    since_starved: u8,
}

impl Queue {
    /// The record that `bytes` hold; no bytes are an empty one.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when another release wrote them, or nobody did. Requests of this pool then do not wait.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        record::decode(VERSION, bytes)
    }

    /// The record as bytes.
    ///
    /// # Errors
    ///
    /// [`RecordError::Damaged`] if it cannot be written, which only a lack of memory brings about.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        record::encode(VERSION, self)
    }

    /// A request comes that cannot go now. `drain_per_second` is how fast the pool works requests off; without it nobody
    /// comes too late. One that waits already goes on waiting.
    pub fn enqueue(
        &mut self,
        waiter: &Waiter,
        drain_per_second: Option<f64>,
        now: Timestamp,
        overloaded: bool,
        bounds: &Bounds,
    ) -> Enqueued {
        if self.entries.iter().any(|entry| entry.member == waiter.member) {
            return Enqueued::Waits { preempted: None };
        }
        let entry = Entry::new(waiter, self.next_tag(waiter), now);
        let limits = bounds.of(waiter.level);
        let newest_first = overloaded && limits.newest_first_under_overload;
        let ahead = self.ahead_of(&entry, newest_first);
        let wait = drain_per_second.map_or(Duration::ZERO, |rate| wait_for(ahead, rate));
        if entry.is_overdue(now.plus(wait)) {
            return Enqueued::Refused(Reason::Deadline);
        }
        let Ok(preempted) = self.place_for(&entry, bounds) else {
            return Enqueued::Refused(Reason::QueueFull);
        };
        let preempted = preempted.map(|at| self.entries.remove(at).member);
        self.entries.push(entry);
        Enqueued::Waits { preempted }
    }

    /// Takes the one whose turn it is, of the levels down to `open` ([`crate::reserve::Ceilings::open`]), and all that are
    /// overdue. One that starves goes whatever is open.
    pub fn take(&mut self, now: Timestamp, open: Level, overloaded: bool, bounds: &Bounds) -> Taken {
        let overdue = self.overdue(now);
        let starved = self.starved(now, bounds);
        let Some(at) = starved.or_else(|| self.first(open, overloaded, bounds)) else {
            return Taken { next: None, overdue };
        };
        let entry = self.entries.remove(at);
        if starved.is_some() {
            self.since_starved = 0;
        } else {
            self.since_starved = self.since_starved.saturating_add(1);
        }
        if let Some(virtual_time) = self.virtual_time.get_mut(entry.level.index()) {
            *virtual_time = entry.tag.max(*virtual_time);
        }
        let next = Next { member: entry.member, level: entry.level, waited: entry.has_waited(now) };
        Taken { next: Some(next), overdue }
    }

    /// A request waits no longer: its client went away. False if it did not wait.
    pub fn leave(&mut self, member: Member) -> bool {
        self.without(|entry| entry.member == member) > 0
    }

    /// Takes all that are overdue.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<Member> {
        let overdue = self.entries.iter().filter(|entry| entry.is_overdue(now)).map(|entry| entry.member);
        let overdue: Vec<Member> = overdue.collect();
        if !overdue.is_empty() {
            self.entries.retain(|entry| !entry.is_overdue(now));
        }
        overdue
    }

    /// A VM is gone, and its requests with it. Says how many they were.
    pub fn remove_vm(&mut self, vm: u64) -> usize {
        self.without(|entry| entry.member.vm == vm)
    }

    /// How many wait, by level.
    #[must_use]
    pub fn lengths(&self) -> [u16; MAX_LEVELS] {
        let mut lengths = [0_u16; MAX_LEVELS];
        for entry in &self.entries {
            if let Some(length) = lengths.get_mut(entry.level.index()) {
                *length = length.saturating_add(1);
            }
        }
        lengths
    }

    /// How many wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody does.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whose place a newcomer takes; nobody's where there is room.
    fn place_for(&self, newcomer: &Entry, bounds: &Bounds) -> Result<Option<usize>, Full> {
        let of_level = self.entries.iter().filter(|other| other.level == newcomer.level).count();
        if of_level >= bounds.of(newcomer.level).max {
            // Only that of one in a line that is longer than the newcomer's own.
            let last = self.last_of(newcomer.level).ok_or(Full)?;
            let is_longer = self.entries.get(last).is_some_and(|last| last.tag > newcomer.tag);
            return if is_longer { Ok(Some(last)) } else { Err(Full) };
        }
        if self.entries.len() < bounds.total {
            return Ok(None);
        }
        let lowest =
            self.entries.iter().map(|other| other.level).max().filter(|lowest| *lowest > newcomer.level);
        lowest.and_then(|lowest| self.last_of(lowest)).map(Some).ok_or(Full)
    }

    /// How many would go before a newcomer with this tag and level.
    fn ahead_of(&self, newcomer: &Entry, newest_first: bool) -> usize {
        let is_ahead = |entry: &&Entry| {
            entry.level < newcomer.level
                || entry.level == newcomer.level && !newest_first && entry.tag <= newcomer.tag
        };
        self.entries.iter().filter(is_ahead).count()
    }

    fn next_tag(&self, waiter: &Waiter) -> u64 {
        let virtual_time = self.virtual_time.get(waiter.level.index()).copied().unwrap_or(0);
        let of_tenant =
            self.entries.iter().filter(|entry| entry.level == waiter.level && entry.tenant == waiter.tenant);
        of_tenant.map(|entry| entry.tag).fold(virtual_time, u64::max).saturating_add(1)
    }

    /// Whose turn it is, of the levels down to `open`.
    fn first(&self, open: Level, overloaded: bool, bounds: &Bounds) -> Option<usize> {
        let level = self.entries.iter().map(|entry| entry.level).filter(|level| *level <= open).min()?;
        let of_level = (0..).zip(&self.entries).filter(|(_, entry)| entry.level == level);
        if overloaded && bounds.of(level).newest_first_under_overload {
            of_level.map(|(at, _)| at).max()
        } else {
            of_level.min_by_key(|(at, entry)| (entry.tag, *at)).map(|(at, _)| at)
        }
    }

    /// The one of a level whose turn comes last.
    fn last_of(&self, level: Level) -> Option<usize> {
        let of_level = (0..).zip(&self.entries).filter(|(_, entry)| entry.level == level);
        of_level.max_by_key(|(at, entry)| (entry.tag, *at)).map(|(at, _)| at)
    }

    /// The one that has waited for longest beyond what its level allows.
    fn starved(&self, now: Timestamp, bounds: &Bounds) -> Option<usize> {
        if self.since_starved.saturating_add(1) < STARVED_ONE_IN {
            return None;
        }
        let beyond = |entry: &Entry| entry.has_waited(now).checked_sub(bounds.of(entry.level).starvation?);
        let starved = (0..).zip(&self.entries).filter_map(|(at, entry)| Some((beyond(entry)?, at)));
        starved.max_by_key(|(beyond, at)| (*beyond, Reverse(*at))).map(|(_, at)| at)
    }

    fn without(&mut self, gone: impl Fn(&Entry) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !gone(entry));
        before - self.entries.len()
    }
}

/// There is no place.
struct Full;

/// How long it takes to work so many off.
fn wait_for(ahead: usize, per_second: f64) -> Duration {
    // A pool that gets nothing done: the next one could take for ever, but the first may try.
    let seconds = if ahead == 0 { 0.0 } else { ahead as f64 / per_second.max(1e-3) };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
