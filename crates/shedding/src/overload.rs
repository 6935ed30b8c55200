//! How hard a pool is pressed, as one number from 0 to 1000.
//!
//! Each signal is mapped to it on a straight line, and the largest counts. Its name is kept: a log that says what was done
//! says why.
//!
//! | signal | 0 at | its most at | its most |
//! |---|---|---|---|
//! | `limit`: in flight ÷ limit | 80 % | 100 % | 200 |
//! | `queue`: waiting ÷ what may wait | 0 | 100 % | 1000 |
//! | `ttft`: mean time to the first token ÷ its target of 500 ms | 1 | 4 | 1000 |
//! | `errors`: upstream failures ÷ requests | 5 % | 25 % | 1000 |
//! | `kv_cache`: key-value cache in use | 90 % | 100 % | 600 |
//! | `worker_queue`: waiting at the inference workers ÷ slots | 25 % | 200 % | 1000 |
//! | `gpu`: GPU utilisation | 85 % | 100 % | 300 |
//!
//! A full limit alone is no emergency, it is what the pool is for. A time to the first token counts only while the limit is
//! nearly used or somebody waits: else it is the prompts that are long. A busy GPU counts only where something waits for it.
//! Failures count from so many requests on, and our own refusals are none, or refusing would be a reason to refuse.
//!
//! The number rises to what the signals say within about a second and falls at [`Settings::fall_per_second`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most.
pub const MAX: u16 = 1000;

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Signal {
    /// The limit is used.
    Limit,
    /// Requests wait here.
    Queue,
    /// First tokens take long.
    Ttft,
    /// The upstream fails.
    Errors,
    /// Key-value caches are full.
    KvCache,
    /// Requests wait at the inference workers.
    WorkerQueue,
    /// GPUs are busy.
    Gpu,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 7] =
        [Self::Limit, Self::Queue, Self::Ttft, Self::Errors, Self::KvCache, Self::WorkerQueue, Self::Gpu];

    /// The word for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Queue => "queue",
            Self::Ttft => "ttft",
            Self::Errors => "errors",
            Self::KvCache => "kv_cache",
            Self::WorkerQueue => "worker_queue",
            Self::Gpu => "gpu",
        }
    }
}

/// What is known of a pool. `None`: not known. Nonsense (not finite) counts as not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signals {
    /// In flight ÷ limit.
    pub limit_use: f64,
    /// Waiting here ÷ what may wait, 0 to 1.
    pub queue_fill: f64,
    /// Mean time to the first token as clients see it.
    pub ttft: Option<Duration>,
    /// Requests that left the upstream in the window.
    pub ended: u32,
    /// Of these, those that it failed.
    pub failed: u32,
    /// The mean share of the key-value cache that is in use, 0 to 1.
    pub kv_cache: Option<f64>,
    /// Waiting at the inference workers ÷ their slots.
    pub worker_queue: Option<f64>,
    /// Mean GPU utilisation, 0 to 1.
    pub gpu: Option<f64>,
}

/// A straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Up to here it is 0.
    pub start: f64,
    /// From here on it is `most`.
    pub end: f64,
    /// 0 to 1000; with 0 the signal is off.
    pub most: u16,
}

impl Ramp {
    fn at(&self, value: f64) -> u16 {
        let most = f64::from(self.most.min(MAX));
        if !value.is_finite() || value <= self.start {
            0
        } else if value >= self.end {
            most as u16
        } else {
            (most * (value - self.start) / (self.end - self.start)).round() as u16
        }
    }
}

/// What an operator sets about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Of [`Signal::Limit`].
    pub limit: Ramp,
    /// Of [`Signal::Queue`].
    pub queue: Ramp,
    /// Of [`Signal::Ttft`], in multiples of the target.
    pub ttft: Ramp,
    /// What the mean time to the first token should be.
    pub ttft_target: Duration,
    /// Of [`Signal::Errors`].
    pub errors: Ramp,
    /// Fewer requests in a window say nothing about failures.
    pub errors_min_requests: u32,
    /// Of [`Signal::KvCache`].
    pub kv_cache: Ramp,
    /// Of [`Signal::WorkerQueue`].
    pub worker_queue: Ramp,
    /// Of [`Signal::Gpu`].
    pub gpu: Ramp,
    /// By so much it falls in a second.
    pub fall_per_second: u16,
}

impl Default for Settings {
    fn default() -> Self {
        let ramp = |start, end, most| Ramp { start, end, most };
        Self {
            limit: ramp(0.8, 1.0, 200),
            queue: ramp(0.0, 1.0, 1000),
            ttft: ramp(1.0, 4.0, 1000),
            ttft_target: Duration::from_millis(500),
            errors: ramp(0.05, 0.25, 1000),
            errors_min_requests: 20,
            kv_cache: ramp(0.9, 1.0, 600),
            worker_queue: ramp(0.25, 2.0, 1000),
            gpu: ramp(0.85, 1.0, 300),
            fall_per_second: 800,
        }
    }
}

/// What the signals say at this moment, and which of them.
#[must_use]
pub fn pressure(signals: &Signals, settings: &Settings) -> (u16, Option<Signal>) {
    let waits = signals.queue_fill > 0.0 || signals.worker_queue.is_some_and(|waiting| waiting > 0.0);
    let is_busy = waits || signals.limit_use >= settings.limit.start;
    let target = settings.ttft_target.as_secs_f64().max(1e-3);
    let ttft = signals.ttft.filter(|_| is_busy).map_or(0.0, |ttft| ttft.as_secs_f64() / target);
    let is_enough = signals.ended >= settings.errors_min_requests.max(1);
    let errors = if is_enough { f64::from(signals.failed) / f64::from(signals.ended) } else { 0.0 };
    let gpu = signals.gpu.filter(|_| waits).unwrap_or(0.0);
    let all = [
        (settings.limit.at(signals.limit_use), Signal::Limit),
        (settings.queue.at(signals.queue_fill), Signal::Queue),
        (settings.ttft.at(ttft), Signal::Ttft),
        (settings.errors.at(errors), Signal::Errors),
        (settings.kv_cache.at(signals.kv_cache.unwrap_or(0.0)), Signal::KvCache),
        (settings.worker_queue.at(signals.worker_queue.unwrap_or(0.0)), Signal::WorkerQueue),
        (settings.gpu.at(gpu), Signal::Gpu),
    ];
    let decided = all.into_iter().filter(|(value, _)| *value > 0).max_by_key(|(value, _)| *value);
    decided.map_or((0, None), |(value, signal)| (value, Some(signal)))
}

/// The number, as it rises and falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overload {
    value: u16,
    signal: Option<Signal>,
}

impl Overload {
    /// 0 to 1000.
    #[must_use]
    pub const fn value(&self) -> u16 {
        self.value
    }

    /// What decided; `None` while it is 0.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        self.signal
    }

    /// So much time has passed, and this is what the signals say.
    pub fn update(&mut self, passed: Duration, signals: &Signals, settings: &Settings) {
        let (pressure, signal) = pressure(signals, settings);
        if pressure >= self.value {
            // Two thirds of the way in half a second.
            let share = (passed.as_secs_f64() * 4.0 / 3.0).clamp(0.0, 1.0);
            let rise = (f64::from(pressure - self.value) * share).ceil() as u16;
            self.value += rise.min(pressure - self.value);
            self.signal = signal;
        } else {
            let fall = (passed.as_secs_f64() * f64::from(settings.fall_per_second)).min(1000.0) as u16;
            self.value = self.value.saturating_sub(fall.max(1)).max(pressure);
            if self.value == pressure {
                self.signal = signal;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[track_caller]
    fn says(signals: Signals, expected: u16, signal: Option<Signal>) {
        assert_eq!(pressure(&signals, &Settings::default()), (expected, signal), "{signals:?}");
    }

    const CALM: Signals = Signals {
        limit_use: 0.0,
        queue_fill: 0.0,
        ttft: None,
        ended: 0,
        failed: 0,
        kv_cache: None,
        worker_queue: None,
        gpu: None,
    };

    #[test]
    fn each_signal_has_its_line() {
        says(CALM, 0, None);
        says(Signals { limit_use: 0.9, ..CALM }, 100, Some(Signal::Limit));
        says(Signals { limit_use: 7.0, ..CALM }, 200, Some(Signal::Limit));
        says(Signals { queue_fill: 0.5, ..CALM }, 500, Some(Signal::Queue));
        says(Signals { ended: 100, failed: 15, ..CALM }, 500, Some(Signal::Errors));
        says(Signals { kv_cache: Some(0.95), ..CALM }, 300, Some(Signal::KvCache));
        says(Signals { worker_queue: Some(3.0), ..CALM }, 1000, Some(Signal::WorkerQueue));
        says(Signals { kv_cache: Some(f64::NAN), limit_use: f64::INFINITY, ..CALM }, 0, None);
    }

    #[test]
    fn what_counts_only_together_with_something_else() {
        let slow = Some(Duration::from_millis(1_250));
        says(Signals { ttft: slow, limit_use: 0.5, ..CALM }, 0, None);
        says(Signals { ttft: slow, limit_use: 0.8, ..CALM }, 500, Some(Signal::Ttft));
        says(Signals { gpu: Some(1.0), ..CALM }, 0, None);
        says(Signals { gpu: Some(1.0), queue_fill: 0.01, ..CALM }, 300, Some(Signal::Gpu));
        says(Signals { ended: 19, failed: 19, ..CALM }, 0, None);
    }

    #[test]
    fn it_rises_at_once_and_falls_within_seconds() {
        let (settings, window) = (Settings::default(), Duration::from_millis(500));
        let mut overload = Overload::default();
        let full = Signals { queue_fill: 1.0, ..CALM };
        let rises = [0; 4].map(|_| {
            overload.update(window, &full, &settings);
            overload.value()
        });
        assert!(rises[0] >= 600 && rises[2] >= 950, "{rises:?}");
        assert_eq!(overload.signal(), Some(Signal::Queue));
        for _ in 0..5 {
            overload.update(window, &CALM, &settings);
        }
        assert_eq!((overload.value(), overload.signal()), (0, None));
    }
}
