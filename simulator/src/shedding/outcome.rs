//! How a run went.

use std::collections::BTreeMap;
use std::time::Duration;

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Second {
    /// Requests that came, those that came again too.
    pub arrived: u32,
    /// Answers that began in time, by when they came.
    pub good: u32,
    /// The mean limit over all Envoys together.
    pub limit: f64,
    /// The longest time after which somebody was told to come back.
    pub promised: Duration,
}

/// How a run went. What came in the warm-up is not in counts and times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// First tries, by level.
    pub arrived: [u32; 3],
    /// Of those, answers that began in time.
    pub good: [u32; 3],
    /// Times to the first token of those that were answered, ascending, by level.
    pub first_tokens: [Vec<Duration>; 3],
    /// Refusals, by reason.
    pub refused: BTreeMap<&'static str, u32>,
    /// When the ladder changed.
    pub changes: Vec<Duration>,
    /// When its last change back to normal was.
    pub normal_since: Option<Duration>,
    /// Each second of the run.
    pub seconds: Vec<Second>,
    /// Of those that were told to come back: that did, and whose second try was answered in time.
    pub returned: (u32, u32),
    /// Seconds that are measured.
    pub measured: f64,
}

impl Outcome {
    /// Answers a second that began in time.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        f64::from(self.good.iter().sum::<u32>()) / self.measured.max(1e-9)
    }

    /// The share of a level's requests that were answered in time.
    #[must_use]
    pub fn share(&self, level: usize) -> f64 {
        f64::from(self.good[level]) / f64::from(self.arrived[level].max(1))
    }

    /// A quantile of the times to the first token of a level; zero when none was answered.
    #[must_use]
    pub fn first_token(&self, level: usize, share: f64) -> Duration {
        let times = &self.first_tokens[level];
        let last = times.len().saturating_sub(1);
        times.get((share * last as f64).round() as usize).copied().unwrap_or_default()
    }

    /// Changes of the ladder a minute, the warm-up left out.
    #[must_use]
    pub fn changes_a_minute(&self, warm_up: u64) -> f64 {
        let counted = self.changes.iter().filter(|at| at.as_secs() >= warm_up).count();
        counted as f64 / self.measured.max(1e-9) * 60.0
    }

    /// Of those that came back, the share that was answered in time then.
    #[must_use]
    pub fn second_tries(&self) -> f64 {
        f64::from(self.returned.1) / f64::from(self.returned.0.max(1))
    }

    /// The most requests that came in one of these seconds.
    #[must_use]
    pub fn most_arrived(&self, seconds: std::ops::Range<usize>) -> u32 {
        self.seconds[seconds].iter().map(|second| second.arrived).max().unwrap_or(0)
    }

    /// Means of the limit over every ten seconds that lie within these.
    pub fn limits(&self, seconds: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
        self.seconds[seconds].windows(10).map(|ten| ten.iter().map(|second| second.limit).sum::<f64>() / 10.0)
    }
}
