//! What is used of a tenant's two budgets, as the time in which that comes.

use serde::{Deserialize, Serialize};

/// The most that may be owed, and so the most that anybody need be told, in nanoseconds.
const MOST: i64 = 2 * 60_000_000_000;

/// So much of each budget, as the time in which it comes; less than zero where more was given back than used. Independent of
/// the quotas, so that whoever adds it up need not know them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Of the budget of requests, in nanoseconds.
    pub requests: i64,
    /// Of the budget of tokens, in nanoseconds.
    pub tokens: i64,
}

impl Used {
    /// Whether it is nothing.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Both together, no more than may be owed.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, |one, other| one.saturating_add(other).clamp(-MOST, MOST))
    }

    /// This without the other.
    pub(super) fn minus(self, other: Self) -> Self {
        self.with(other, i64::saturating_sub)
    }

    /// The smaller of both.
    pub(super) fn min(self, other: Self) -> Self {
        self.with(other, i64::min)
    }

    /// Whole microseconds, which are what is told.
    pub(super) fn whole_micros(self) -> Self {
        let whole = |nanos: i64| nanos / 1_000 * 1_000;
        Self { requests: whole(self.requests), tokens: whole(self.tokens) }
    }

    fn with(self, other: Self, both: impl Fn(i64, i64) -> i64) -> Self {
        Self { requests: both(self.requests, other.requests), tokens: both(self.tokens, other.tokens) }
    }
}
