//! One circuit: closed, open, half-open.
//!
//! ```text
//!           failures in a row, or a share of them            its time is over
//!   closed ─────────────────────────────────────────► open ───────────────────► half-open
//!      ▲ ▲                                            │  ▲    (the next request)   │   │
//!      │ └── the wait an endpoint asked for is over ──┘  └── a probe fails ─────────┘   │
//!      └────────────────────────── enough probes succeed ───────────────────────────────┘
//! ```
//!
//! Two things keep the past from counting. An attempt says when it began, and one from before the last change says
//! nothing about the endpoint as it is now. A probe has a permit with the circuit's generation and a number, and only
//! a permit that is still out counts.
//!
//! A clock that steps back never keeps a circuit open for longer: time that seems not to have begun yet is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::{Rng, Timestamp};

use crate::window::Window;
use crate::{Policy, ResetReason, TripReason};

/// What a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The endpoint gets requests.
    Closed,
    /// It gets none.
    Open,
    /// It gets probes.
    HalfOpen,
}

impl State {
    /// The value of the gauge.
    #[must_use]
    pub const fn as_gauge(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }

    /// The word for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// A failure, as a circuit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the attempt was sent.
    pub began: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// Successes of the endpoint since ever, for the share of failures.
    pub successes: u64,
}

/// Leave for one probe. Whoever holds it says how the probe went, or gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// The circuit's generation when it was given.
    pub generation: u32,
    /// What tells it from the others of that generation.
    pub number: u32,
}

/// Whether an endpoint may be sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The circuit is closed.
    Free,
    /// As a probe.
    Probe(Permit),
    /// Not before this time.
    Refused {
        /// When there is a chance again.
        retry_at: Timestamp,
    },
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It opened.
    Tripped {
        /// Why.
        reason: TripReason,
        /// For how long.
        lasts: Duration,
    },
    /// It closed.
    Reset(ResetReason),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Closed,
    Open {
        lasts: Duration,
        reason: TripReason,
    },
    HalfOpen {
        probes: Vec<(Permit, Timestamp)>,
        successes: u32,
    },
}

/// The circuit of one endpoint, or of one model at one endpoint. The default is closed, and nothing has ever failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    phase: Phase,
    /// When the phase began.
    since: Timestamp,
    /// Counts phases in which probes were sent, so that a permit of an earlier one is known.
    generation: u32,
    /// How often it opened without closing in between.
    trips: u32,
    /// Failures in a row, and when the last of them was.
    failures: u32,
    failed_at: Timestamp,
    window: Window,
}

impl Circuit {
    /// What it is.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Since when.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Why it is open; `None` while it is not.
    #[must_use]
    pub const fn reason(&self) -> Option<TripReason> {
        match self.phase {
            Phase::Open { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Whether there is nothing to remember: such a circuit is as good as none. One that has closed is remembered for
    /// `warm_up`, because its endpoint is warming up so long.
    #[must_use]
    pub fn is_forgettable(&self, now: Timestamp, warm_up: Duration) -> bool {
        let over = now < self.since || now.since(self.since) >= warm_up;
        matches!(self.phase, Phase::Closed) && self.failures == 0 && (self.since == Timestamp::ZERO || over)
    }

    /// When a request may be sent there again: `None` now, as one of many; else at that time, as a probe.
    ///
    /// While all probes are out that is when the first of them counts as lost.
    #[must_use]
    pub fn retry_at(&self, policy: &Policy) -> Option<Timestamp> {
        match &self.phase {
            Phase::Closed => None,
            Phase::Open { lasts, .. } => Some(self.since.plus(*lasts)),
            Phase::HalfOpen { probes, .. } if probes.len() < policy.probes => Some(self.since),
            Phase::HalfOpen { probes, .. } => {
                probes.iter().map(|(_, sent)| sent.plus(policy.probe_lasts)).min().or(Some(self.since))
            }
        }
    }

    /// An attempt failed that was no probe. Says why the circuit should open now, if it should; [`Self::trip`] does it.
    pub fn failed(&mut self, event: Event, policy: &Policy) -> Option<TripReason> {
        let Event { began, now, successes } = event;
        if !matches!(self.phase, Phase::Closed) {
            return None;
        }
        // A beginning after now means that the clock stepped back. What is remembered in its old time goes.
        if now < self.since {
            self.since = now;
        }
        if began < self.since {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        let length = policy.ratio.map_or(Duration::ZERO, |ratio| ratio.window);
        self.window.failed(now, successes, length);
        if self.failures >= policy.max_fails.max(1) {
            Some(TripReason::ConsecutiveFailures)
        } else if policy.ratio.is_some_and(|ratio| self.window.is_over(successes, ratio)) {
            Some(TripReason::FailureRatio)
        } else {
            None
        }
    }

    /// An attempt succeeded that was no probe. False if that changed nothing: nothing had failed, or it began before
    /// the last failure and so says nothing about the endpoint since.
    pub fn succeeded(&mut self, began: Timestamp, now: Timestamp) -> bool {
        let stale = began < self.failed_at && self.failed_at <= now;
        if !matches!(self.phase, Phase::Closed) || self.failures == 0 || stale {
            return false;
        }
        self.failures = 0;
        true
    }

    /// Opens it, if it is closed. `asked` is how long the endpoint wants to be left alone, where it is only busy.
    pub fn trip(
        &mut self,
        reason: TripReason,
        asked: Option<Duration>,
        now: Timestamp,
        policy: &Policy,
        rng: &mut Rng,
    ) -> Option<Change> {
        matches!(self.phase, Phase::Closed).then(|| self.open(reason, asked, now, policy, rng))
    }

    /// A request would like to be sent there. Changes the circuit when its time has come.
    pub fn admit(&mut self, now: Timestamp, policy: &Policy, rng: &mut Rng) -> (Admission, Option<Change>) {
        match &mut self.phase {
            Phase::Closed => return (Admission::Free, None),
            Phase::Open { lasts, reason } => {
                let retry_at = self.since.plus(*lasts);
                if self.since <= now && now < retry_at {
                    return (Admission::Refused { retry_at }, None);
                }
                if !reason.is_broken() {
                    return (Admission::Free, Some(self.close(ResetReason::WaitIsOver, now)));
                }
                self.generation = self.generation.wrapping_add(1);
                self.since = now;
                self.phase = Phase::HalfOpen { probes: Vec::new(), successes: 0 };
            }
            Phase::HalfOpen { probes, .. } => {
                let lost = |sent: Timestamp| now < sent || now.since(sent) >= policy.probe_lasts;
                if probes.iter().any(|(_, sent)| lost(*sent)) {
                    let change = self.open(TripReason::ProbeLost, None, now, policy, rng);
                    return (self.refused(now), Some(change));
                }
            }
        }
        let Phase::HalfOpen { probes, .. } = &mut self.phase else { return (Admission::Free, None) };
        if probes.len() >= policy.probes.max(1) {
            let refused = Admission::Refused { retry_at: self.retry_at(policy).unwrap_or(now) };
            return (refused, None);
        }
        let permit = Permit { generation: self.generation, number: rng.u32(..) };
        probes.push((permit, now));
        (Admission::Probe(permit), None)
    }

    /// A probe is over. Nothing happens if its permit is not out any more.
    pub fn resolve(
        &mut self,
        permit: Permit,
        succeeded: bool,
        now: Timestamp,
        policy: &Policy,
        rng: &mut Rng,
    ) -> Option<Change> {
        if !self.give_back(permit) {
            return None;
        }
        if !succeeded {
            return Some(self.open(TripReason::ProbeFailed, None, now, policy, rng));
        }
        let Phase::HalfOpen { successes, .. } = &mut self.phase else { return None };
        *successes += 1;
        (*successes >= policy.successes).then(|| self.close(ResetReason::ProbesSucceeded, now))
    }

    /// A probe was never sent, or nobody knows how it went: its permit is free again. False if it was not out.
    pub fn give_back(&mut self, permit: Permit) -> bool {
        let Phase::HalfOpen { probes, .. } = &mut self.phase else { return false };
        let before = probes.len();
        probes.retain(|(out, _)| *out != permit);
        probes.len() != before
    }

    /// Whether a permit is out.
    #[must_use]
    pub fn is_out(&self, permit: Permit) -> bool {
        matches!(&self.phase, Phase::HalfOpen { probes, .. } if probes.iter().any(|(out, _)| *out == permit))
    }

    fn open(
        &mut self,
        reason: TripReason,
        asked: Option<Duration>,
        now: Timestamp,
        policy: &Policy,
        rng: &mut Rng,
    ) -> Change {
        let lasts = match asked {
            Some(asked) => asked.min(policy.max_retry_after),
            None => policy.open.delay(self.trips, rng),
        };
        if reason.is_broken() {
            self.trips = self.trips.saturating_add(1);
        }
        self.phase = Phase::Open { lasts, reason };
        self.begin_phase(now);
        Change::Tripped { reason, lasts }
    }

    fn close(&mut self, reason: ResetReason, now: Timestamp) -> Change {
        self.phase = Phase::Closed;
        self.trips = 0;
        self.begin_phase(now);
        Change::Reset(reason)
    }

    fn begin_phase(&mut self, now: Timestamp) {
        self.since = now;
        self.failures = 0;
        self.window = Window::default();
    }

    fn refused(&self, now: Timestamp) -> Admission {
        match self.phase {
            Phase::Open { lasts, .. } => Admission::Refused { retry_at: self.since.plus(lasts) },
            _ => Admission::Refused { retry_at: now },
        }
    }
}

#[cfg(test)]
#[path = "circuit_tests.rs"]
mod tests;
