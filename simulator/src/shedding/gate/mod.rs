//! What an Envoy lets through.

mod bounded;
mod gradient;
mod spillway;

use std::time::Duration;

use spillway_primitives::Timestamp;
use spillway_shedding::ladder::Step;
use spillway_shedding::limit::Reported;
use spillway_shedding::reason::Reason;

use super::plan::{Draw, Plan};

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The shipped decisions.
    Spillway,
    /// A limit on time to the first token by Gradient2, and refusal beyond.
    Gradient2,
    /// A limit that somebody set, twice the slots, and refusal beyond.
    Fixed,
    /// Everything is let through.
    Unlimited,
}

impl Kind {
    /// All that are compared.
    pub const ALL: [Self; 4] = [Self::Spillway, Self::Gradient2, Self::Fixed, Self::Unlimited];

    /// Its name in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spillway => "spillway",
            Self::Gradient2 => "gradient2",
            Self::Fixed => "fixed, 2 x slots",
            Self::Unlimited => "no limit",
        }
    }

    pub(super) fn gate(self, plan: &Plan, envoy: usize) -> Box<dyn Gate> {
        match self {
            Self::Spillway => Box::new(spillway::Spillway::new(plan, envoy)),
            Self::Gradient2 => Box::new(gradient::Gradient2::default()),
            Self::Fixed => Box::new(bounded::Bounded::new(plan.slots_at(0) * 2 / plan.envoys.max(1) as u32)),
            Self::Unlimited => Box::new(bounded::Bounded::new(u32::MAX)),
        }
    }
}

/// What is to be done with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Send(usize),
    Refuse { request: usize, reason: Reason, retry_after: Option<Duration> },
}

/// A request, for a gate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks {
    pub(super) number: usize,
    pub(super) draw: Draw,
}

/// What an Envoy lets through. Whatever is to be done is put into `actions`.
pub(super) trait Gate {
    /// A request has come.
    fn arrives(&mut self, asks: Asks, now: Timestamp, actions: &mut Vec<Action>);
    /// A first token came so long after the request was sent.
    fn starts(&mut self, number: usize, ttft: Duration, now: Timestamp);
    /// An answer is complete.
    fn ends(&mut self, number: usize, now: Timestamp, actions: &mut Vec<Action>);
    /// A tenth of a second has passed.
    fn ticks(&mut self, _: Timestamp, _: u32, _: Option<Reported>, _: &mut Vec<Action>) {}
    /// How many may be in flight.
    fn limit(&self) -> u32;
    /// What is done about overload.
    fn step(&self) -> Step {
        Step::Normal
    }
}
