//! How many requests wait at the inference workers.

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::limiter::Around;
use super::{CLASSES, Samples, Window};

/// The baseline is about so precise.
const PRECISION: f64 = 0.03;
/// So many may stand before one that goes with a reserved permit.
const BEFORE_RESERVED: f64 = 0.25;

/// So many requests with a reserved permit say something,
const ENOUGH_RESERVED: f64 = 5.0;
/// and fewer do after so many windows.
const LONGEST_GATHERING: u32 = 4;

/// What is known of those that went with a reserved permit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reserved {
    /// There were none for some time.
    None,
    /// Too few so far.
    Few,
    /// So many stood before one of them.
    Behind(f64),
}

/// Requests with a reserved permit that were too few to say something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathered {
    count: f32,
    excess_us: f32,
    windows: u32,
}

impl Gathered {
    /// Those of one more window, in which requests began at this rate.
    fn add(&mut self, waits: &Waits, per_us: f64) -> Reserved {
        self.count += waits.count as f32;
        self.excess_us += waits.excess as f32;
        self.windows += 1;
        let (count, excess) = (f64::from(self.count), f64::from(self.excess_us));
        let long = self.windows >= LONGEST_GATHERING;
        if count < ENOUGH_RESERVED && !long {
            return Reserved::Few;
        }
        *self = Self::default();
        // What one waited, at the rate at which all begin whoever sent them, is how many stood before it.
        if count > 0.0 { Reserved::Behind((excess / count * per_us).max(0.0)) } else { Reserved::None }
    }
}

/// How many wait, in the mean over a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Queued {
    /// By the first tokens that came.
    pub(super) begun: f64,
    /// By those that have not come yet; not less than zero.
    pub(super) unbegun: f64,
    /// How many stood before one that went with a reserved permit.
    pub(super) before_reserved: Reserved,
    /// How many may stand there. As few as can be told from none, so that the reserve stays one of free slots.
    pub(super) allowed_before_reserved: f64,
}

impl Queued {
    /// Over a window. `streamed` is the share of requests that stream, more than zero: all wait in the
    /// same line, so what is seen of these is true of the others.
    pub(super) fn of(
        around: &Around<'_>,
        baselines: &[Baseline; CLASSES],
        streamed: f64,
        gathered: &mut Gathered,
    ) -> Self {
        let Around { window, length_us, share, .. } = *around;
        let scale = 1.0 / streamed;
        let all = Waits::of(&window.first_tokens, baselines);
        let reserved = Waits::of(&window.reserved, baselines);
        let begun = (all.excess / length_us * scale).max(0.0);
        let before_reserved = gathered.add(&reserved, all.count / length_us * scale / share);
        let prefilling = all.expected / length_us * scale / share;
        let allowed_before_reserved = BEFORE_RESERVED + PRECISION * prefilling;
        let unbegun = if all.count > 0.0 { unbegun(window, &all, length_us) * scale } else { begun };
        Self { begun, unbegun, before_reserved, allowed_before_reserved }
    }

    /// What is surely a queue: what waits now, as far as requests that waited confirm it.
    pub(super) fn sure(&self) -> f64 {
        self.begun.min(self.unbegun)
    }
}

/// How many streams without a token are more than prefills explain.
fn unbegun(window: &Window, all: &Waits, length_us: f64) -> f64 {
    // One that was sent and has not begun has its prefill before it, at most all of it.
    let expected = all.expected * (f64::from(window.sent_streamed) / all.count).max(1.0);
    ((window.unstarted_us as f64 - expected) / length_us).max(0.0)
}

/// Sums over streams of classes whose baseline is known.
#[derive(Default)]
struct Waits {
    count: f64,
    /// Times to the first token without a wait, in microseconds.
    expected: f64,
    /// What they waited, in microseconds.
    excess: f64,
}

impl Waits {
    fn of(classes: &[Samples; CLASSES], baselines: &[Baseline; CLASSES]) -> Self {
        let streams = classes.iter().zip(baselines).take(CLASSES / 2);
        streams.fold(Self::default(), |mut sums, (samples, baseline)| {
            if let Some(baseline) = baseline.value() {
                let count = f64::from(samples.count());
                sums.count += count;
                sums.expected += count * baseline;
                sums.excess += samples.sum_us() - count * baseline;
            }
            sums
        })
    }
}

/// What a stream waited in the mean, in microseconds; zero when none began.
pub(super) fn mean_wait_us(window: &Window, baselines: &[Baseline; CLASSES]) -> f64 {
    let all = Waits::of(&window.first_tokens, baselines);
    if all.count > 0.0 { (all.excess / all.count).max(0.0) } else { 0.0 }
}
