//! What one process has used of a tenant's budgets that the others are not known to know of.
//!
//! ```text
//! used ──► [`Untold::used`] ── a round begins ──► `told` ── its answer ──► known to all
//!                                                  │  ▲
//!                                                  └──┘ no answer: told again, under the same number
//! ```
//!
//! What is told keeps its number until it is answered, so whoever adds it up can tell that it came twice. What was told
//! longer ago than a budget and a debt last is forgotten: it would be paid by now.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use super::bucket::WINDOW;
use super::used::Used;

/// How a budget is shared with other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// How much of a budget one process may use beyond what the others are known to know of, in thousandths.
    pub allowance_permille: u16,
    /// Whether anybody answers. Where nobody does, each process is on its own.
    pub in_touch: bool,
    /// How often processes tell one another: who has used the allowance may come back after that.
    pub interval: Duration,
    /// When what was not answered stands for nobody answering.
    pub patience: Duration,
}

/// What the others are not known to know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Untold {
    /// Since when there is something.
    since: Timestamp,
    /// Since the last round.
    used: Used,
    /// In that round, while there is no answer.
    told: Used,
    round: u64,
}

impl Untold {
    pub(super) fn use_up(&mut self, used: Used, now: Timestamp) {
        if self.is_nothing() {
            self.since = now;
        }
        self.used = self.used.plus(used);
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.used.is_nothing() && self.told.is_nothing()
    }

    /// All of it.
    pub(super) fn all(&self) -> Used {
        self.used.plus(self.told)
    }

    /// Whether it has been there for so long that nobody seems to answer.
    pub(super) fn is_late(&self, now: Timestamp, patience: Duration) -> bool {
        !self.is_nothing() && now.since(self.since) >= patience
    }

    /// Whether so much more is beyond the allowance. What alone is more than that may be used where nothing else is untold:
    /// else it never could be.
    pub(super) fn is_beyond(&self, wanted: Used, sharing: &Sharing, now: Timestamp) -> (bool, bool) {
        if !sharing.in_touch || self.is_late(now, sharing.patience) {
            return (false, false);
        }
        let allowance = WINDOW.as_nanos() * u128::from(sharing.allowance_permille) / 1_000;
        let allowance = i64::try_from(allowance).unwrap_or(i64::MAX);
        let beyond = |all: i64, wanted: i64| all > 0 && wanted > 0 && all.saturating_add(wanted) > allowance;
        let all = self.all();
        (beyond(all.requests, wanted.requests), beyond(all.tokens, wanted.tokens))
    }

    /// What is to be told in a round, under which number; `None`: nothing. `owed` is what this process takes to be owed.
    pub(super) fn tell(
        &mut self,
        (round, owed): (u64, Used),
        now: Timestamp,
        patience: Duration,
    ) -> Option<(u64, Used)> {
        if !self.told.is_nothing() {
            let began = Timestamp::from_nanos(self.round.saturating_mul(1_000));
            if now.since(began) < 2 * WINDOW {
                return Some((self.round, self.told));
            }
            self.told = Used::default();
        }
        if self.is_late(now, patience) {
            // Some of it has been paid meanwhile: no more is owed than that.
            self.used = self.used.min(owed);
        }
        self.told = self.used.whole_micros();
        self.used = self.used.minus(self.told);
        if self.told.is_nothing() {
            return None;
        }
        self.round = round;
        Some((round, self.told))
    }

    /// What was told in that round has been answered; false where nothing waits for that.
    pub(super) fn answered(&mut self, round: u64, now: Timestamp) -> bool {
        let is_awaited = self.round == round && !self.told.is_nothing();
        if is_awaited {
            self.told = Used::default();
            self.since = now;
        }
        is_awaited
    }
}
