//! What became of the traffic.

use std::collections::BTreeMap;
use std::time::Duration;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The number of its client, from 0.
    pub number: u64,
    /// Which try of its client it is, from 1.
    pub attempt: u32,
    /// When it was sent, from the start of the traffic.
    pub began: Duration,
    /// From sending to the headers.
    pub headers: Option<Duration>,
    /// From sending to the first bytes of the body.
    pub first_byte: Option<Duration>,
    /// From sending to the end, whatever that was.
    pub took: Duration,
    /// HTTP status; 0 while no headers came.
    pub status: u16,
    /// When the client is to come back, where it was told.
    pub retry_after: Option<Duration>,
    /// Bytes of the body.
    pub bytes: u64,
    /// Who answered, where the picker tells (`debug_header`).
    pub endpoint: Option<String>,
    /// How it ended.
    pub end: End,
}

impl Sample {
    /// When it ended, from the start of the traffic.
    #[must_use]
    pub fn ended(&self) -> Duration {
        self.began + self.took
    }
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The answer was whole.
    #[default]
    Whole,
    /// The connection broke, with what error.
    Broken(String),
    /// The client left.
    Left,
    /// The harness gave up.
    TimedOut,
}

/// All requests of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of their ends.
    pub samples: Vec<Sample>,
    /// How long the run took.
    pub took: Duration,
}

impl Report {
    /// How many answers had which status; only whole ones.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        count(self.whole().map(|sample| sample.status))
    }

    /// How many whole answers came from whom.
    #[must_use]
    pub fn by_endpoint(&self) -> BTreeMap<String, u64> {
        count(self.whole().filter_map(|sample| sample.endpoint.clone()))
    }

    /// Requests that did not end with a whole answer, though their client stayed.
    #[must_use]
    pub fn broken(&self) -> Vec<&Sample> {
        let stayed = self.samples.iter();
        stayed.filter(|sample| !matches!(sample.end, End::Whole | End::Left)).collect()
    }

    /// Requests that had no whole answer of status 200, though their client stayed.
    #[must_use]
    pub fn failures(&self) -> usize {
        let failed =
            |sample: &&Sample| sample.end != End::Left && !(sample.end == End::Whole && sample.status == 200);
        self.samples.iter().filter(failed).count()
    }

    /// The requests for which `wanted` holds, as a report of their own.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&Sample) -> bool) -> Self {
        let samples = self.samples.iter().filter(|sample| wanted(sample)).cloned().collect();
        Self { samples, took: self.took }
    }

    /// How long whole answers of status 200 took, sorted.
    #[must_use]
    pub fn latencies(&self) -> Vec<Duration> {
        sorted(self.successes().map(|sample| sample.took))
    }

    /// When the first bytes of whole answers of status 200 came, sorted.
    #[must_use]
    pub fn first_bytes(&self) -> Vec<Duration> {
        sorted(self.successes().filter_map(|sample| sample.first_byte))
    }

    /// Whole answers of status 200 per second.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn per_second(&self) -> f64 {
        self.successes().count() as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn whole(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.end == End::Whole)
    }

    fn successes(&self) -> impl Iterator<Item = &Sample> {
        self.whole().filter(|sample| sample.status == 200)
    }
}

/// The value below which `share` (0 to 1) of the sorted values lie; zero of none.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a list that fits into memory"
)]
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((share * last as f64).round() as usize).copied().unwrap_or_default()
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_counts_and_who_left_is_not_broken() {
        let sample = |status, end| Sample { status, end, ..Sample::default() };
        let samples = vec![
            sample(200, End::Whole),
            sample(200, End::Left),
            sample(200, End::Broken("reset".into())),
            sample(503, End::Whole),
        ];
        let report = Report { samples, took: Duration::from_secs(2) };
        assert_eq!(report.statuses(), BTreeMap::from([(200, 1), (503, 1)]));
        assert_eq!(report.broken().len(), 1);
        assert_eq!(report.failures(), 2);
        assert_eq!(report.only(|sample| sample.status == 503).failures(), 1);
        assert!((report.per_second() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn quantiles_of_few_and_of_none() {
        let times = [1, 2, 3, 4, 5].map(Duration::from_secs);
        assert_eq!(quantile(&times, 0.5), Duration::from_secs(3));
        assert_eq!(quantile(&times, 1.0), Duration::from_secs(5));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
