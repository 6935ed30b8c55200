//! When processes tell one another what was used, and who of a process does it.
//!
//! One record for a process. Whoever of its VMs writes first that a round has begun does that round, so no VM has to be there
//! for it: one that is gone is missed for a round.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use spillway_primitives::Timestamp;

use super::SETS;

const VERSION: u8 = 1;
/// That nobody answers is said at most so often.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The rounds of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    process: u64,
    round: u64,
    began: Timestamp,
    heard: Timestamp,
    failed: bool,
    said: Timestamp,
    is_said: bool,
    first_set: u64,
}

/// A round that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The number of this process, which no other one has; not 0.
    pub process: u64,
    /// The number of the round: the microsecond in which it began, or one more than the last one's.
    pub round: u64,
    /// The set whose accounts are told first: not always the same, where there are too many for one round.
    pub first_set: u64,
}

impl Rounds {
    /// The record that `bytes` hold; no bytes are an empty one.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when another release wrote them, or nobody did.
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

    /// Begins a round, if it is time to. `random` becomes the process's number where it has none.
    pub fn begin(&mut self, now: Timestamp, interval: Duration, random: u64) -> Option<Turn> {
        if self.process == 0 {
            // Until it has been tried, nobody is taken not to answer.
            *self = Self { process: random.max(1), heard: now, ..Self::default() };
        }
        if self.began <= now && now.since(self.began) < interval {
            return None;
        }
        self.began = now;
        self.round = (now.as_nanos() / 1_000).max(self.round.saturating_add(1));
        Some(Turn { process: self.process, round: self.round, first_set: self.first_set })
    }

    /// The next round begins with that set.
    pub fn go_on_with(&mut self, set: u64) {
        self.first_set = set % SETS;
    }

    /// A round has ended: with an answer, without one, or with nothing to tell. True where the log should say that this is not
    /// as it was.
    pub fn end(&mut self, answered: Option<bool>, now: Timestamp) -> bool {
        if answered != Some(false) {
            self.heard = now;
        }
        let failed = answered.map_or(self.failed, |answered| !answered);
        if std::mem::replace(&mut self.failed, failed) == failed {
            return false;
        }
        if !self.failed {
            // That all is well again is said where it was said that it is not.
            return std::mem::take(&mut self.is_said);
        }
        self.is_said = self.said > now || now.since(self.said) >= SAID_EVERY;
        if self.is_said {
            self.said = now;
        }
        self.is_said
    }

    /// Whether somebody answers, as far as is known.
    #[must_use]
    pub fn is_in_touch(&self, now: Timestamp, patience: Duration) -> bool {
        !self.failed && (self.process == 0 || now.since(self.heard) < patience)
    }
}
