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

const VERSION: u8 = 4;

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
        let all = around.reported.map(|reported| reported.running.saturating_add(reported.waiting));
        self.rates.update_share(around.in_flight, all, length);
        let parts =
            Around { window: &window, length_us, reported: around.reported, share: self.rates.share() };
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
#[path = "control_tests.rs"]
mod tests;
