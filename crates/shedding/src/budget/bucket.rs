//! One budget of one tenant.
//!
//! A token bucket kept as a single time, the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371): the
//! moment at which the bucket is full again. Nothing has to be filled up in between and no fraction is rounded away.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

/// The span that budgets are given for, and what may be used at once.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
const WINDOW_NANOS: u64 = 60_000_000_000;

/// What is left of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Units a minute.
    pub quota: u64,
    /// Units that may be used now. Less than zero where more was used than was estimated, at least −`quota`.
    pub remaining: i64,
    /// Until all of it is there again.
    pub reset: Duration,
}

/// When a bucket is full again; a time that is over is a full one. What is owed is a time too, whatever the quota is: the
/// time in which so much comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket(Timestamp);

impl Bucket {
    /// The bucket of which that is owed now, in nanoseconds; nothing where it is less than zero.
    #[must_use]
    pub fn owing(nanos: i64, now: Timestamp) -> Self {
        let mut bucket = Self::default();
        bucket.owe(nanos, now);
        bucket
    }

    /// Whether nothing is owed.
    #[must_use]
    pub fn is_full(self, now: Timestamp) -> bool {
        self.0 <= now
    }

    /// So many nanoseconds more are owed, or less where that is less than zero. At most a budget and a debt of one more are
    /// owed, and never less than nothing.
    pub fn owe(&mut self, nanos: i64, now: Timestamp) {
        let change = Duration::from_nanos(nanos.unsigned_abs());
        let owed = self.owed(now);
        let owed = if nanos < 0 { owed.saturating_sub(change) } else { owed.saturating_add(change) };
        self.0 = now.plus(owed.min(2 * WINDOW));
    }

    pub(super) fn left(self, quota: u64, now: Timestamp) -> Left {
        let reset = self.owed(now);
        let used = units(reset, quota);
        Left { quota, remaining: saturating(quota).saturating_sub(saturating(used)), reset }
    }

    /// Whether so many units may be used now; else after which time. More than the whole budget may be used when it is
    /// full: else such a request could never go.
    pub(super) fn wait(self, wanted: u64, quota: u64, now: Timestamp) -> Option<Duration> {
        let room = WINDOW.saturating_sub(time(wanted.min(quota), quota));
        let wait = self.owed(now).saturating_sub(room);
        (!wait.is_zero()).then_some(wait)
    }

    /// The time until it is full. Never more than a budget and a debt take: a clock that stepped back owes nothing else.
    #[must_use]
    pub fn owed(self, now: Timestamp) -> Duration {
        self.0.since(now).min(2 * WINDOW)
    }
}

/// The time in which so many units come, rounded up.
fn time(count: u64, quota: u64) -> Duration {
    let nanos = (u128::from(count) * u128::from(WINDOW_NANOS)).div_ceil(u128::from(quota.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The time in which so many units come, given back where they are less than zero, in nanoseconds: at most a budget and a
/// debt.
pub(super) fn nanos(units: i64, quota: u64) -> i64 {
    let time = time(units.unsigned_abs(), quota).min(2 * WINDOW);
    let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    if units < 0 { -nanos } else { nanos }
}

/// The units that come in so much time, rounded up.
fn units(time: Duration, quota: u64) -> u64 {
    // The rounding of `time` is taken back first: a nanosecond is no unit.
    let nanos = time.as_nanos().saturating_sub(1) * u128::from(quota);
    let whole = u64::try_from(nanos.div_ceil(u128::from(WINDOW_NANOS))).unwrap_or(u64::MAX);
    if time.is_zero() { 0 } else { whole }
}

fn saturating(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}
