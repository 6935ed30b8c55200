//! The record in which limit, overload, ladder and rates of a pool live.
//!
//! Each VM tells an [`Observer`](crate::limit::Observer) of its requests. Every 100 ms or so, and only where it saw
//! something, it absorbs what that gathered into the record; whoever finds the record's window over updates it in the same
//! swap. So one update is made of what all VMs saw, whichever of them makes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use spillway_primitives::Timestamp;

use crate::ladder::{self, Ladder, Step};
use crate::level::MAX_LEVELS;
use crate::limit::limiter::Around;
use crate::limit::{self, Class, Limiter, Reported, Window};
use crate::overload::{self, Overload, Signal, Signals};
use crate::queue::Bounds;
use crate::rates::Rates;

const VERSION: u8 = 1;

/// A window that is so many times longer than it should be is from before a pause: nobody watched.
const TOO_LONG: u32 = 20;

/// What an operator sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// About the limit.
    pub limit: limit::Settings,
    /// About the overload.
    pub overload: overload::Settings,
    /// About the ladder.
    pub ladder: ladder::Settings,
    /// How many may wait.
    pub bounds: Bounds,
    /// How many levels there are.
    pub levels: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: limit::Settings::default(),
            overload: overload::Settings::default(),
            ladder: ladder::Settings::default(),
            bounds: Bounds::default(),
            levels: 3,
        }
    }
}

/// What is known of a pool besides what its VMs saw.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// Permits that are out, of all VMs.
    pub in_flight: u32,
    /// How many wait, by level: [`crate::queue::Queue::lengths`].
    pub waiting: [u16; MAX_LEVELS],
    /// Endpoints that may be sent requests; `None`: not known.
    pub endpoints: Option<u32>,
    /// What the inference workers report, if all of these endpoints do and every report is fresh.
    pub reported: Option<Reported>,
    /// The mean share of their key-value caches that is in use, 0 to 1.
    pub kv_cache: Option<f64>,
    /// Their mean GPU utilisation, 0 to 1.
    pub gpu: Option<f64>,
}

/// What an update changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The limit before and now; the same when it did not change.
    pub limit: (u32, u32),
    /// The step before and now; the same when it did not change.
    pub step: (Step, Step),
    /// The overload now, 0 to 1000.
    pub overload: u16,
    /// What decided it.
    pub signal: Option<Signal>,
}

/// All that is known of a pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    limiter: Limiter,
    overload: Overload,
    ladder: Ladder,
    rates: Rates,
    /// What was seen since `since`.
    window: Window,
    since: Timestamp,
}

impl Control {
    /// The record that `bytes` hold; no bytes are one that knows nothing yet.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when another release wrote them, or nobody did. The pool is then not limited.
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

    /// A VM saw this.
    pub fn absorb(&mut self, window: &Window) {
        self.window.merge(window);
    }

    /// Updates everything if the window is over. `None` if it is not and nothing else has changed.
    pub fn update(&mut self, now: Timestamp, around: &Circumstances, settings: &Settings) -> Option<Update> {
        let before = (self.limit(settings), self.step());
        let moved =
            around.endpoints.is_some_and(|endpoints| self.limiter.with_endpoints(endpoints, &settings.limit));
        let over = self.is_over(now, settings);
        if let Some(length) = over {
            self.turn(length, now, around, settings);
        }
        (moved || over.is_some()).then(|| Update {
            limit: (before.0, self.limit(settings)),
            step: (before.1, self.step()),
            overload: self.overload.value(),
            signal: self.overload.signal(),
        })
    }

    /// How many requests may be in flight.
    #[must_use]
    pub fn limit(&self, settings: &Settings) -> u32 {
        self.limiter.limit(&settings.limit)
    }

    /// What is done about overload.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.ladder.step()
    }

    /// How hard the pool is pressed.
    #[must_use]
    pub const fn overload(&self) -> Overload {
        self.overload
    }

    /// How long a first token of this class takes once its request is sent; `None` before any. What a request needs that is
    /// let go at the last moment ([`crate::deadline::latest_start`]).
    #[must_use]
    pub fn first_token(&self, class: Class) -> Option<Duration> {
        self.limiter.first_token(class)
    }

    /// What it gets through and is offered.
    #[must_use]
    pub const fn rates(&self) -> &Rates {
        &self.rates
    }

    /// The length of the window, if it is over.
    fn is_over(&mut self, now: Timestamp, settings: &Settings) -> Option<Duration> {
        let wanted = settings.limit.window.max(Duration::from_millis(10));
        let length = now.since(self.since);
        if self.since == Timestamp::ZERO || now < self.since || length > wanted * TOO_LONG {
            // The first window, or a clock that stepped, or nobody watched. What was seen belongs to no time.
            self.window = Window::default();
            self.since = now;
            return None;
        }
        let is_enough = self.window.samples() >= settings.limit.min_samples;
        (length >= wanted && (is_enough || length >= 4 * wanted)).then_some(length)
    }

    fn turn(&mut self, length: Duration, now: Timestamp, around: &Circumstances, settings: &Settings) {
        let window = std::mem::take(&mut self.window);
        self.since = now;
        let length_us = length.as_micros() as f64;
        let limit = self.limit(settings);
        self.rates.update(&window, length, limit);
        let parts = Around { window: &window, length_us, reported: around.reported };
        self.limiter.update(now, &parts, &settings.limit);
        let signals = signals(&window, &self.rates, limit, around, settings);
        self.overload.update(length, &signals, &settings.overload);
        self.ladder.update(self.overload.value(), settings.levels, now, &settings.ladder);
    }
}

fn signals(
    window: &Window,
    rates: &Rates,
    limit: u32,
    around: &Circumstances,
    settings: &Settings,
) -> Signals {
    let per_slot = |reported: Reported| f64::from(reported.waiting) / f64::from(reported.slots.max(1));
    Signals {
        limit_use: f64::from(around.in_flight) / f64::from(limit.max(1)),
        queue_fill: settings.bounds.fill(&around.waiting, settings.levels),
        // In a window without a first token the last ones say nothing.
        ttft: rates.first_token().filter(|_| window.samples() > 0),
        ended: window.ended,
        failed: window.failed,
        kv_cache: around.kv_cache,
        worker_queue: around.reported.map(per_slot),
        gpu: around.gpu,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::limit::{End, Observer, Permit};

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    const STREAM: u64 = 100;
    const PERMIT: Permit = Permit { in_flight: 1, reserved: false };

    /// So many requests, one after the other, each in flight for 50 ms.
    fn seen(count: u64, from: u64) -> Window {
        let class = Class::of(true, STREAM);
        let mut observer = Observer::default();
        for number in 0..count {
            let begins = from + number * 50;
            observer.arrived();
            let sent = observer.sent(at(begins), class, Duration::ZERO, PERMIT);
            observer.started(at(begins + 20), &sent, Duration::from_millis(20));
            observer.ended(at(begins + 50), &sent, true, End::Answered);
        }
        observer.take(at(from + count * 50))
    }

    #[test]
    fn a_window_is_over_after_its_time_and_with_enough_samples() {
        let settings = Settings::default();
        let around = Circumstances { endpoints: Some(3), ..Circumstances::default() };
        let mut control = Control::default();
        let first = control.update(at(0), &around, &settings).unwrap();
        assert_eq!(first.limit, (4, 12), "three endpoints with four each");
        control.absorb(&seen(4, 0));
        assert_eq!(control.update(at(400), &around, &settings), None);
        assert_eq!(control.update(at(600), &around, &settings), None, "four samples are not enough");
        control.absorb(&seen(2, 500));
        let update = control.update(at(600), &around, &settings).unwrap();
        assert_eq!((update.limit, update.step), ((12, 12), (Step::Normal, Step::Normal)));
        assert_eq!(control.rates().drain(), Some(10.0));
        assert!(control.update(at(2_600), &around, &settings).is_some(), "none have come for long enough");
    }

    #[test]
    fn a_pause_and_a_clock_that_steps_begin_anew() {
        let settings = Settings::default();
        let around = Circumstances::default();
        let mut control = Control::default();
        for millis in [10_000, 600_000, 5_000] {
            control.absorb(&seen(10, 0));
            assert_eq!(control.update(at(millis), &around, &settings), None);
        }
        assert_eq!(control.rates(), &Rates::default());
    }

    #[test]
    fn endpoints_that_go_change_the_limit_at_once() {
        let settings = Settings::default();
        let around = |endpoints| Circumstances { endpoints: Some(endpoints), ..Circumstances::default() };
        let mut control = Control::default();
        control.update(at(0), &around(4), &settings);
        let update = control.update(at(1), &around(2), &settings).unwrap();
        assert_eq!(update.limit, (16, 8));
        assert_eq!(control.update(at(2), &around(2), &settings), None);
    }

    #[test]
    fn a_full_queue_leads_up_the_ladder_and_an_empty_one_down() {
        let settings = Settings::default();
        let full = Circumstances { waiting: [256, 128, 64, 0, 0, 0, 0, 0], ..Circumstances::default() };
        let mut control = Control::default();
        let mut steps = Vec::new();
        for (number, around) in [&full; 12].into_iter().chain([&Circumstances::default(); 12]).enumerate() {
            control.absorb(&seen(6, number as u64 * 500));
            if let Some(update) = control.update(at(number as u64 * 500), around, &settings)
                && update.step.0 != update.step.1
            {
                steps.push((update.step.1, update.signal));
            }
        }
        assert_eq!(steps.last(), Some(&(Step::Normal, None)), "{steps:?}");
        assert!(steps.contains(&(Step::Refuse(2), Some(Signal::Queue))), "{steps:?}");
    }

    #[test]
    fn records() {
        let mut control = Control::default();
        control.absorb(&seen(6, 0));
        let bytes = control.encode().unwrap();
        assert!(bytes.len() < 512, "{} bytes", bytes.len());
        assert_eq!(Control::decode(&bytes), Ok(control));
        assert_eq!(Control::decode(&[]), Ok(Control::default()));
        assert_eq!(Control::decode(b"\x09"), Err(RecordError::Version { found: 9, expected: 1 }));
        assert_eq!(Control::decode(&bytes[..9]), Err(RecordError::Damaged));
    }

    proptest! {
        /// Whatever is seen and reported: the limit stays within its bounds, the overload too, and the record is small.
        #[test]
        fn it_stays_within_its_bounds(
            windows in proptest::collection::vec(
                (-2_000i64..2_000, 0u64..40, 0u64..5_000, any::<bool>(), 0u32..6, 0u32..100), 1..80),
        ) {
            let settings = Settings {
                limit: limit::Settings { min: 2, max: 50, epoch: Duration::from_secs(8), ..limit::Settings::default() },
                ..Settings::default()
            };
            let mut control = Control::default();
            let mut now = at(0);
            for (passed, count, ttft, contended, endpoints, slots) in windows {
                now = Timestamp::from_millis(now.as_millis().saturating_add_signed(passed));
                let mut observer = Observer::default();
                let class = Class::of(count % 3 > 0, ttft);
                for _ in 0..count {
                    let permit = Permit { in_flight: 3, reserved: ttft % 4 == 0 };
                    let sent = observer.sent(now, class, Duration::ZERO, permit);
                    observer.started(now, &sent, Duration::from_millis(ttft));
                }
                if contended {
                    observer.waits();
                }
                control.absorb(&observer.take(now.plus(Duration::from_millis(300))));
                let around = Circumstances {
                    in_flight: slots,
                    endpoints: Some(endpoints),
                    reported: Some(Reported { slots, running: slots / 2, waiting: slots % 3 }),
                    ..Circumstances::default()
                };
                control.update(now, &around, &settings);
                prop_assert!((2..=50).contains(&control.limit(&settings)));
                prop_assert!(control.overload().value() <= overload::MAX);
                let bytes = control.encode().unwrap();
                prop_assert!(bytes.len() < 1_024, "{} bytes", bytes.len());
                prop_assert_eq!(Control::decode(&bytes).unwrap(), control.clone());
            }
        }
    }
}
