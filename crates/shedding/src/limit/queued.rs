//! How many requests wait at the inference workers.

use super::baseline::Baseline;
use super::{CLASSES, Samples, Window};

/// Where at least this share of requests streams, the others are not looked at: how long a whole answer takes differs so
/// much from answer to answer that its baseline says little.
const ENOUGH_STREAMS: f64 = 0.1;

/// How many wait, in the mean over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Queued {
    /// By the first tokens that came.
    pub(super) begun: f64,
    /// By those that have not come yet; not less than zero.
    pub(super) unbegun: f64,
}

impl Queued {
    /// Over a window of so many microseconds. `streamed` is the share of requests that stream: all wait in the same line,
    /// so what is seen of some is true of the others.
    pub(super) fn of(
        window: &Window,
        baselines: &[Baseline; CLASSES],
        streamed: f64,
        length_us: f64,
    ) -> Self {
        let by_streams = streamed >= ENOUGH_STREAMS;
        let scale = if by_streams { 1.0 / streamed } else { 1.0 };
        let wanted = |class: usize| !by_streams || class < CLASSES / 2;
        let (mut excess, mut expected, mut count) = (0.0, 0.0, 0.0);
        for (class, (samples, baseline)) in window.first_tokens.iter().zip(baselines).enumerate() {
            let Some(baseline) = baseline.value().filter(|_| wanted(class)) else { continue };
            excess += excess_of(samples, baseline);
            if class < CLASSES / 2 {
                expected += f64::from(samples.count()) * baseline;
                count += f64::from(samples.count());
            }
        }
        let begun = (excess / length_us * scale).max(0.0);
        if !by_streams || count == 0.0 {
            return Self { begun, unbegun: begun };
        }
        // One that was sent and has not begun has its prefill before it, at most all of it.
        let expected = expected * (f64::from(window.sent_streamed) / count).max(1.0);
        let unbegun = ((window.unstarted_us as f64 - expected) / length_us * scale).max(0.0);
        Self { begun, unbegun }
    }

    /// What is surely a queue: what waits now, as far as requests that waited confirm it.
    pub(super) fn sure(&self) -> f64 {
        self.begun.min(self.unbegun)
    }
}

/// What these waited in sum, in microseconds. Less than zero for a lucky few.
pub(super) fn excess_of(samples: &Samples, baseline: f64) -> f64 {
    samples.sum_us() - f64::from(samples.count()) * baseline
}
