//! One attempt at one endpoint, as the books see it.

use std::time::Duration;

use spillway_breaker::{Fault, TripReason};
use spillway_primitives::Timestamp;

use crate::PoolId;
use crate::circuits::{Probe, Scope};

/// An attempt that is in flight. Whoever holds it owes [`crate::Pools::end`].
///
/// Not `Clone`: an attempt ends once. Not ended on drop: a drop has no access to the host, and a filter's contexts
/// are dropped by the SDK only after `on_done`, which is where it is ended.
#[derive(Debug)]
#[must_use = "an attempt that is not ended stays in flight for ever"]
pub struct Attempt {
    pub(crate) pool: PoolId,
    pub(crate) place: u32,
    pub(crate) began: Timestamp,
    pub(crate) scope: Scope,
    pub(crate) probe: Option<Probe>,
    /// Its circuit has heard of its failure already, while it was still in flight.
    pub(crate) judged: bool,
}

impl Attempt {
    /// The place of its endpoint in the pool.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.place as usize
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered, and the answer was whole.
    Success,
    /// The endpoint refused, broke off, or never answered.
    Failure(Fault),
    /// The endpoint answered that it wants to be left alone for so long. That is no failure.
    Busy {
        /// In what way it said so.
        reason: TripReason,
        /// For how long.
        asked: Duration,
    },
    /// Nobody knows: the client left while the answer was coming.
    Unknown,
    /// Nobody knows: the client left before any answer came. The wait counts as a response time where it is longer
    /// than the mean, so that an endpoint which never answers is known as slow.
    Unanswered,
}

impl Outcome {
    /// The words of every outcome.
    pub const WORDS: [&'static str; 5] = ["success", "failure", "busy", "unknown", "unanswered"];

    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(_) => "failure",
            Self::Busy { .. } => "busy",
            Self::Unknown => "unknown",
            Self::Unanswered => "unanswered",
        }
    }
}
