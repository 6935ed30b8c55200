//! The marks that are known here.

use super::{Scope, Scopes};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::clock::millis;

/// Everything of a scope that is not stamped later is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// What was purged.
    pub scope: Scope,
    /// Up to which stamp.
    pub before_ms: u64,
}

/// Bounds on marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkLimits {
    /// How far the clocks of cache tiers that share a tier may be apart.
    pub skew: Duration,
    /// How long an entry can live in all tiers together; marks are kept for so long.
    pub retention: Duration,
    /// How many marks are kept. Beyond, the oldest is widened to everything: misses too many, never a hit.
    pub max_marks: usize,
}

const ABOUT_TO_BE_FORGOTTEN: Duration = Duration::from_secs(60);

/// The marks that are known here.
#[derive(Debug)]
pub struct Marks {
    limits: MarkLimits,
    state: RwLock<State>,
    /// The latest time of any mark: what is stamped later survives them all, without a look at them.
    latest_ms: AtomicU64,
    /// The latest stamp that was given here.
    stamped_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    marks: HashMap<Scope, Known>,
    /// A mark on everything.
    floor_ms: u64,
    /// Counts changes, so that a lease can tell whether its answer was purged while it was computed.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    before_ms: u64,
    epoch: u64,
}

impl Marks {
    /// No marks yet.
    #[must_use]
    pub fn new(limits: MarkLimits) -> Self {
        Self { limits, state: RwLock::default(), latest_ms: AtomicU64::new(0), stamped_ms: AtomicU64::new(0) }
    }

    /// Purges a scope at `now_ms`: everything that was stored before is a miss. The mark is for the tiers to keep.
    pub fn purge(&self, scope: Scope, now_ms: u64) -> Mark {
        let mut state = self.write();
        let before = state.before_ms(scope);
        let ahead = now_ms.saturating_add(millis(self.limits.skew));
        let stamped = self.stamped_ms.load(Ordering::Relaxed);
        let before_ms = ahead.max(before.saturating_add(1)).max(stamped);
        let mark = Mark { scope, before_ms };
        self.note(&mut state, mark);
        mark
    }

    /// Takes in a mark that a tier kept. False if that changed nothing.
    pub fn learn(&self, mark: Mark) -> bool {
        // Most of what a tier keeps is known already: the write lock is taken for what is new.
        if mark.before_ms <= self.read().before_ms(mark.scope) {
            return false;
        }
        self.note(&mut self.write(), mark);
        true
    }

    /// A stamp for an entry of these scopes that is stored at `now_ms`. It survives every purge that is known here.
    ///
    /// `since` is how many changes there had been when its computation began, where that is known. `None` comes back
    /// if it was purged since then.
    pub fn stamp(&self, scopes: &Scopes, now_ms: u64, since: Option<u64>) -> Option<u64> {
        // The lock is held until the stamp is noted, so that a purge sees every stamp that was given before it.
        let state = self.read();
        if since.is_some_and(|epoch| state.was_purged_since(scopes, epoch)) {
            return None;
        }
        let stamp = now_ms.max(state.last_purge_ms(scopes).saturating_add(1));
        self.stamped_ms.fetch_max(stamp, Ordering::Relaxed);
        Some(stamp)
    }

    /// Whether an entry of these scopes was not purged.
    #[must_use]
    pub fn allow(&self, scopes: &Scopes, stamp_ms: u64) -> bool {
        stamp_ms > self.latest_ms.load(Ordering::Acquire) || stamp_ms > self.read().last_purge_ms(scopes)
    }

    /// How many changes there have been.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.read().epoch
    }

    /// Forgets the marks that are older than any entry can be.
    pub fn prune(&self, now_ms: u64) {
        let oldest = now_ms.saturating_sub(millis(self.limits.retention));
        self.write().marks.retain(|_, known| known.before_ms >= oldest);
    }

    /// Those that are known here and not in that list. Marks that are about to be forgotten are left out: others may
    /// have forgotten them already.
    #[must_use]
    pub fn missing_from(&self, marks: &[Mark], now_ms: u64) -> Vec<Mark> {
        let there: HashMap<Scope, u64> = marks.iter().map(|mark| (mark.scope, mark.before_ms)).collect();
        let oldest = self.oldest_ms(now_ms).saturating_add(millis(ABOUT_TO_BE_FORGOTTEN));
        let state = self.read();
        let own = state.marks.iter().map(|(scope, known)| Mark { scope: *scope, before_ms: known.before_ms });
        own.filter(|mark| mark.before_ms > oldest)
            .filter(|mark| there.get(&mark.scope).is_none_or(|there| *there < mark.before_ms))
            .collect()
    }

    /// The oldest time of a mark that still counts.
    #[must_use]
    pub fn oldest_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(millis(self.limits.retention))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.read().marks.len()
    }

    fn note(&self, state: &mut State, mark: Mark) {
        state.epoch += 1;
        let epoch = state.epoch;
        let known = state.marks.entry(mark.scope).or_insert(Known { before_ms: 0, epoch });
        known.before_ms = known.before_ms.max(mark.before_ms);
        known.epoch = epoch;
        if state.marks.len() > self.limits.max_marks {
            state.widen_oldest();
        }
        self.latest_ms.fetch_max(mark.before_ms, Ordering::Release);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Nothing panics while the state is held, so a poisoned lock cannot hold half a change.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn before_ms(&self, scope: Scope) -> u64 {
        self.marks.get(&scope).map_or(self.floor_ms, |known| known.before_ms.max(self.floor_ms))
    }

    fn last_purge_ms(&self, scopes: &Scopes) -> u64 {
        if self.marks.is_empty() {
            return self.floor_ms;
        }
        scopes.iter().map(|scope| self.before_ms(scope)).max().unwrap_or(self.floor_ms)
    }

    fn was_purged_since(&self, scopes: &Scopes, epoch: u64) -> bool {
        scopes.iter().any(|scope| self.marks.get(&scope).is_some_and(|known| known.epoch > epoch))
    }

    /// Gives up the oldest half: looking for the oldest one at every purge beyond the limit would cost too much.
    fn widen_oldest(&mut self) {
        let mut times: Vec<u64> = self.marks.values().map(|known| known.before_ms).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let floor = *median;
        self.marks.retain(|_, known| known.before_ms > floor);
        self.floor_ms = self.floor_ms.max(floor);
    }
}
