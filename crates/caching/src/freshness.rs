//! How long an answer may be used, fresh and stale.
//!
//! ```text
//! stored ── fresh ──┬── while a fresh one is fetched ──┐
//!                   ├── instead of an error ───────────┼── forgotten
//!                   └── instead of waiting, when busy ─┘
//! ```
//!
//! The answer says how long it is fresh and how long it may be used when stale (`Cache-Control`); where it does not, the
//! rule says so, and the rule bounds it in any case. That a stale answer is served because the service is busy stands
//! in no RFC, so it is the operator's word alone; an answer that must not be used when stale is not used then either.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use crate::control::ResponseControl;

/// What an operator sets about the time that answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// How long an answer is fresh that does not say it.
    pub default: Duration,
    /// The longest that any answer is fresh.
    pub max: Duration,
    /// How long an answer that does not say it may be used when stale, while a fresh one is fetched.
    pub stale_while_revalidate: Duration,
    /// The same instead of an error.
    pub stale_if_error: Duration,
    /// The same when the service is busy.
    pub stale_when_busy: Duration,
    /// The longest that any answer may be used when stale.
    pub max_stale: Duration,
}

impl Default for Ttl {
    fn default() -> Self {
        Self {
            default: Duration::from_secs(300),
            max: Duration::from_secs(3_600),
            stale_while_revalidate: Duration::from_secs(30),
            stale_if_error: Duration::from_secs(600),
            stale_when_busy: Duration::from_secs(600),
            max_stale: Duration::from_secs(3_600),
        }
    }
}

/// What is known at the moment of asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The service is busy: a request would wait or be refused.
    pub busy: bool,
    /// The upstream has failed to answer this very request, or cannot be asked.
    pub upstream_failed: bool,
}

/// What an entry may be used for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// For everybody.
    Fresh,
    /// For everybody, while somebody fetches a fresh one.
    StaleWhileRevalidate,
    /// Instead of the error that there would be.
    StaleIfError,
    /// Instead of waiting or a refusal.
    StaleWhenBusy,
    /// For nobody.
    Expired,
}

impl State {
    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::StaleWhileRevalidate => "stale_while_revalidate",
            Self::StaleIfError => "stale_if_error",
            Self::StaleWhenBusy => "stale_when_busy",
            Self::Expired => "expired",
        }
    }
}

/// The times of one entry, as they are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was stored.
    pub stored_at: Timestamp,
    /// How long it is fresh from then on.
    pub lifetime: Duration,
    /// How long after that it may be used while a fresh one is fetched.
    pub stale_while_revalidate: Duration,
    /// The same instead of an error.
    pub stale_if_error: Duration,
    /// The same when the service is busy.
    pub stale_when_busy: Duration,
}

/// The times of one entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    stored_at: Timestamp,
    /// How old it was then.
    age: Duration,
    lifetime: Duration,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
    stale_when_busy: Duration,
}

impl Freshness {
    /// Of an answer that comes now. `age` is how old it is already, by the upstream's `Age` (RFC 9111, section 5.1).
    #[must_use]
    pub fn of(control: &ResponseControl, ttl: &Ttl, age: Duration, now: Timestamp) -> Self {
        let stale = |said: Option<Duration>, otherwise: Duration| {
            let stale = said.unwrap_or(otherwise).min(ttl.max_stale);
            if control.forbids_stale() { Duration::ZERO } else { stale }
        };
        Self {
            stored_at: now,
            age,
            lifetime: control.lifetime().unwrap_or(ttl.default).min(ttl.max),
            stale_while_revalidate: stale(control.stale_while_revalidate, ttl.stale_while_revalidate),
            stale_if_error: stale(control.stale_if_error, ttl.stale_if_error),
            stale_when_busy: stale(None, ttl.stale_when_busy),
        }
    }

    /// Of an entry that was written down by its times.
    #[must_use]
    pub const fn from_times(times: Times) -> Self {
        let Times { stored_at, lifetime, stale_while_revalidate, stale_if_error, stale_when_busy } = times;
        let age = Duration::ZERO;
        Self { stored_at, age, lifetime, stale_while_revalidate, stale_if_error, stale_when_busy }
    }

    /// Its times, to be written down: as if it had been stored when it was new.
    #[must_use]
    pub fn times(&self) -> Times {
        Times {
            stored_at: Timestamp::ZERO.plus(self.stored_at.since(Timestamp::ZERO).saturating_sub(self.age)),
            lifetime: self.lifetime,
            stale_while_revalidate: self.stale_while_revalidate,
            stale_if_error: self.stale_if_error,
            stale_when_busy: self.stale_when_busy,
        }
    }

    /// How old the answer is. Never less than it was when it was stored, though the clock step back.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Duration {
        self.age.saturating_add(now.since(self.stored_at))
    }

    /// How long it is fresh yet; `Err` with how long it has been stale.
    ///
    /// # Errors
    ///
    /// How long it has been stale, zero at the first moment.
    pub fn remaining(&self, now: Timestamp) -> Result<Duration, Duration> {
        let age = self.age(now);
        if age < self.lifetime { Ok(self.lifetime - age) } else { Err(age - self.lifetime) }
    }

    /// What it may be used for now.
    ///
    /// Why the upstream is not to be asked comes before that somebody may ask it in the background: a service that is
    /// busy or fails is not asked for fresh answers to old questions.
    #[must_use]
    pub fn state(&self, now: Timestamp, circumstances: Circumstances) -> State {
        if self.is_from_the_future(now) {
            return State::Expired;
        }
        let Err(stale) = self.remaining(now) else { return State::Fresh };
        if circumstances.upstream_failed && stale < self.stale_if_error {
            State::StaleIfError
        } else if circumstances.busy && stale < self.stale_when_busy {
            State::StaleWhenBusy
        } else if stale < self.stale_while_revalidate {
            State::StaleWhileRevalidate
        } else {
            State::Expired
        }
    }

    /// When nobody can use it any more: the time from which its place is free.
    #[must_use]
    pub fn forgotten_at(&self) -> Timestamp {
        let stale = self.stale_while_revalidate.max(self.stale_if_error).max(self.stale_when_busy);
        self.stored_at.plus(self.lifetime.saturating_add(stale).saturating_sub(self.age))
    }

    /// Whether it can be used at all.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        self.forgotten_at() > self.stored_at
    }

    /// Clocks of two machines differ a little, and an entry may come from the other one. But when the clock steps back
    /// by hours, an entry must not be fresh for hours longer: so one whose time is further ahead than its own life is
    /// over.
    fn is_from_the_future(&self, now: Timestamp) -> bool {
        self.stored_at.since(now) > self.forgotten_at().since(self.stored_at)
    }
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
