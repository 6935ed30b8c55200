//! The limit and how it changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use super::baseline::Baseline;
use super::climb::Climb;
use super::queued::{Gathered, Queued, Reserved, mean_wait_us};
use super::{CLASSES, Class, Settings, Window};

/// Where fewer than this share of requests stream, they are too few to tell.
const ENOUGH_STREAMS: f64 = 0.1;
/// Slow start: by so much each window.
const SLOW_START: f64 = 1.5;
/// A dip lasts no longer than so many windows.
const LONGEST_DIP: u32 = 6;
/// Once the limit has shrunk to this share and those that wait still wait for longer than [`STILL`] of what they did,
/// there is no queue.
const SHRUNK: f64 = 0.4;
const STILL: f64 = 0.7;
/// Of the slots of a pool, where less than this is free each Envoy is held to its share.
const SCARCE: f64 = 0.25;
/// How much of a difference between the shares of two Envoys stays, each time, in the logarithm.
const DRAWN: f64 = 0.8;
/// Slots that are free while nobody waits are for the limit to grow into, as far as that. Where others grow into them as well,
/// the rest is left to what finds the same limit for all.
const GROWS_INTO: f64 = 0.95;
const GROWS_INTO_SHARED: f64 = 0.85;

/// What inference workers report of themselves, when all of them do and all reports are fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Requests that can run at the same time.
    pub slots: u32,
    /// Requests that run.
    pub running: u32,
    /// Requests that wait for a slot.
    pub waiting: u32,
}

/// What else is known when the limit is updated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) window: &'a Window,
    /// Of that window, in microseconds; more than zero.
    pub(crate) length_us: f64,
    pub(crate) reported: Option<Reported>,
    /// Of the requests at the inference workers, the share that this Envoy sent: more than 0 to 1.
    pub(crate) share: f64,
}

/// The limit of a pool and what it was found from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limiter {
    /// Zero before the first endpoint.
    limit: f64,
    endpoints: u32,
    phase: Phase,
    baselines: [Baseline; CLASSES],
    epoch_since: Timestamp,
    /// Share of requests that stream, a moving mean.
    streamed: Option<f32>,
    /// What a request waits at the inference workers in microseconds, a moving mean.
    wait_us: f32,
    shrinking: Option<Shrinking>,
    reserved: Gathered,
    climb: Climb,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Phase {
    /// No queue was ever seen.
    #[default]
    SlowStart,
    Steady,
    /// The baseline is measured.
    Dip {
        windows: u32,
    },
}

/// The limit shrinks, and has not grown since.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Shrinking {
    /// The limit before.
    from: f64,
    /// What a request waited in the mean, in microseconds.
    wait_us: f64,
}

impl Limiter {
    /// How many may be in flight; before anything is known, what one endpoint may have.
    #[must_use]
    pub fn limit(&self, settings: &Settings) -> u32 {
        let limit =
            if self.limit > 0.0 { self.limit } else { f64::from(settings.initial_per_endpoint.max(1)) };
        let share = match self.phase {
            Phase::Dip { .. } => f64::from(settings.dip_permille) / 1000.0,
            _ => 1.0,
        };
        // Rounded down, but for what calculation in binary fractions lacks.
        (limit * share + 1e-6).clamp(f64::from(settings.min.max(1)), f64::from(settings.max.max(1))) as u32
    }

    /// How long a first token of this class takes once it is sent, with what requests wait at the inference workers and half
    /// as much again as its baseline: one that is slower than others should be in time, too. `None` before any.
    #[must_use]
    pub(crate) fn first_token(&self, class: Class) -> Option<Duration> {
        let baseline = self.baselines.get(class.index()).and_then(Baseline::value)?;
        Duration::try_from_secs_f64((baseline * 1.5 + f64::from(self.wait_us)) / 1e6).ok()
    }

    /// So many endpoints may be sent requests now. The limit changes in proportion. True if it did.
    ///
    /// With none there is nothing to learn, and what is known stays for when they are back.
    pub(crate) fn with_endpoints(&mut self, endpoints: u32, settings: &Settings) -> bool {
        if endpoints == 0 || endpoints == self.endpoints {
            return false;
        }
        if self.limit > 0.0 && self.endpoints > 0 {
            self.set(self.limit * f64::from(endpoints) / f64::from(self.endpoints), settings);
        } else {
            // Before that it was not known how many there are, and the limit began as that of one.
            let initial = f64::from(endpoints) * f64::from(settings.initial_per_endpoint);
            self.set(self.limit.max(initial), settings);
        }
        self.endpoints = endpoints;
        self.shrinking = None;
        true
    }

    /// A window is over.
    pub(crate) fn update(&mut self, now: Timestamp, around: &Around<'_>, settings: &Settings) {
        let Around { window, reported, share, .. } = *around;
        if self.limit <= 0.0 {
            self.set(f64::from(settings.initial_per_endpoint), settings);
        }
        let saturated = window.contended || window.peak_in_flight >= self.limit(settings);
        let streamed = self.share_of_streams(window);
        let streams = self.baselines.iter_mut().zip(&window.first_tokens).take(CLASSES / 2);
        streams.for_each(|(baseline, samples)| baseline.observe(samples));
        let by_streams = streamed >= ENOUGH_STREAMS;
        if self.turn_of_epoch(now, saturated && by_streams, settings) {
            return;
        }
        let in_flight = window.in_flight_us as f64 / around.length_us;
        if let Phase::Dip { windows } = self.phase {
            self.dip(windows, in_flight, settings);
            return;
        }
        if by_streams {
            self.follow_queue(around, in_flight, streamed, saturated, settings);
        } else if saturated {
            let climbed = self.climb.step(self.limit, window.ended, around.length_us);
            self.set(climbed.unwrap_or(self.limit), settings);
        } else {
            self.climb.pause();
        }
        if let Some(reported) = reported.filter(|reported| reported.slots > 0) {
            self.bound((reported, share), in_flight, saturated, settings);
        }
    }

    /// Grows and shrinks with what waits at the inference workers.
    fn follow_queue(
        &mut self,
        around: &Around<'_>,
        in_flight: f64,
        streamed: f64,
        saturated: bool,
        settings: &Settings,
    ) {
        let window = around.window;
        let queued = Queued::of(around, &self.baselines, streamed, &mut self.reserved);
        let wait_us = mean_wait_us(window, &self.baselines);
        self.wait_us += (wait_us as f32 - self.wait_us) * 0.2;
        let allowance = settings.allowance(self.limit);
        let most = queued.unbegun.max(queued.begun);
        if most > allowance && self.phase == Phase::SlowStart {
            // The limit before was not too high, and this one is by what waits now.
            self.phase = Phase::Steady;
            let target = (in_flight - most + allowance).max(self.limit / SLOW_START);
            self.set(target.min(self.limit), settings);
            return;
        }
        let sure = queued.sure();
        // While nobody needs the limit only a queue that cannot be chance is looked at.
        let tolerated = if saturated { allowance } else { (2.0 * allowance).max(in_flight / 4.0) };
        let room = match queued.before_reserved {
            Reserved::Behind(before) => queued.allowed_before_reserved - before,
            Reserved::Few => 0.0,
            // Without requests in the reserve the rest of the limit is what is filled: it holds the queue alone.
            Reserved::None => allowance / 2.0 - most,
        };
        let is_before_reserved = matches!(queued.before_reserved, Reserved::Behind(_)) && room < 0.0;
        if sure > tolerated {
            self.shrink(window, wait_us, in_flight - sure + allowance, settings);
        } else if saturated && is_before_reserved {
            self.phase = Phase::Steady;
            // Each Envoy sees what is too much in the whole pool.
            self.shrink(window, wait_us, self.limit + room * around.share, settings);
        } else if saturated {
            self.grow(window, room.min(allowance - most), 1.0 - most / allowance, settings);
        }
    }

    /// Slow start slows down as the queue comes near what is allowed: `calm` goes from 1 to 0.
    fn grow(&mut self, window: &Window, room: f64, calm: f64, settings: &Settings) {
        let is_slow_start = self.phase == Phase::SlowStart;
        // Nothing has begun: nothing is known.
        if window.samples() == 0 || room <= 0.0 && !is_slow_start {
            return;
        }
        self.shrinking = None;
        let step = if is_slow_start { self.limit * (SLOW_START - 1.0) * calm.max(0.0) } else { room };
        self.set(self.limit + step, settings);
    }

    /// Half of the way, and no more than is allowed at once.
    fn shrink(&mut self, window: &Window, wait_us: f64, target: f64, settings: &Settings) {
        if target >= self.limit {
            return;
        }
        let shrinking = *self.shrinking.get_or_insert(Shrinking { from: self.limit, wait_us });
        let least = self.limit * (1.0 - f64::from(settings.max_shrink_permille) / 1000.0);
        self.set(f64::midpoint(self.limit, target).max(least), settings);
        if self.limit <= shrinking.from * SHRUNK && wait_us > shrinking.wait_us * STILL {
            for (baseline, samples) in self.baselines.iter_mut().zip(&window.first_tokens) {
                baseline.accept(samples);
            }
            self.set(shrinking.from, settings);
            self.shrinking = None;
        }
    }

    /// Holds the limit to what the workers report.
    fn bound(
        &mut self,
        (reported, share): (Reported, f64),
        in_flight: f64,
        saturated: bool,
        settings: &Settings,
    ) {
        let slots = f64::from(reported.slots);
        let free = f64::from(reported.slots.saturating_sub(reported.running));
        let is_shared = share < 1.0 && free < slots * SCARCE;
        let most = if is_shared { slots * drawn(share) } else { slots } + settings.allowance(slots);
        if self.limit > most {
            self.set(most, settings);
            self.phase = Phase::Steady;
        }
        // Other Envoys use slots too: what this one could have is what it has and what is free.
        let least = (in_flight + free).min(slots) * if share < 1.0 { GROWS_INTO_SHARED } else { GROWS_INTO };
        if saturated && reported.waiting == 0 && self.limit < least {
            self.set(least, settings);
        }
    }

    /// A new epoch may have begun; true if the pool gets less from now on, so that the baseline can be measured.
    fn turn_of_epoch(&mut self, now: Timestamp, saturated: bool, settings: &Settings) -> bool {
        // A clock that stepped back begins an epoch as well.
        if self.epoch_since == Timestamp::ZERO {
            self.epoch_since = now;
        }
        if now >= self.epoch_since && now.since(self.epoch_since) < settings.epoch {
            return false;
        }
        self.epoch_since = now;
        self.baselines.iter_mut().for_each(Baseline::rotate);
        let dips = saturated && self.phase == Phase::Steady;
        if dips {
            self.phase = Phase::Dip { windows: 0 };
        }
        dips
    }

    /// Once no more was in flight than the dip allows, for one window, the baseline is measured.
    fn dip(&mut self, windows: u32, in_flight: f64, settings: &Settings) {
        let is_calm = in_flight <= f64::from(self.limit(settings)) + 0.5;
        let over = is_calm || windows + 1 >= LONGEST_DIP;
        self.phase = if over { Phase::Steady } else { Phase::Dip { windows: windows + 1 } };
    }

    fn share_of_streams(&mut self, window: &Window) -> f64 {
        if window.sent > 0 {
            let share = window.sent_streamed as f32 / window.sent as f32;
            self.streamed = Some(self.streamed.map_or(share, |mean| mean + (share - mean) * 0.2));
        }
        self.streamed.map_or(1.0, f64::from)
    }

    fn set(&mut self, limit: f64, settings: &Settings) {
        self.limit = limit.clamp(f64::from(settings.min.max(1)), f64::from(settings.max.max(1)));
    }
}

/// What an Envoy is to have of the slots that has this share of the requests at the workers. Small shares grow and large ones
/// shrink, until several Envoys that want as much have as much: without that, what they began with is what they keep. Two
/// equal ones have half each; more of them have more than there is, which those that wait at the workers tell them.
fn drawn(share: f64) -> f64 {
    share.powf(DRAWN) * 0.5_f64.powf(1.0 - DRAWN)
}
