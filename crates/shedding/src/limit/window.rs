//! What was seen of a pool in some span of time.
//!
//! Each VM has an [`Observer`] that is told of its own requests. What it saw is a [`Window`], which is absorbed into
//! the shared one every now and then and begins anew.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use super::{CLASSES, Class, Samples};
use crate::level::{Level, MAX_LEVELS};

/// What was seen in some span of time, by one VM or by all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Times to the first token, by class.
    pub(crate) first_tokens: [Samples; CLASSES],
    /// Of these, those of requests that went with a reserved permit.
    pub(crate) reserved: [Samples; CLASSES],
    /// Requests that came, refused ones too, by level.
    pub arrived: [u32; MAX_LEVELS],
    /// Those that were refused because of load.
    pub refused: u32,
    /// Those that were sent to the upstream.
    pub sent: u32,
    /// Of these, those whose answers come as streams.
    pub(crate) sent_streamed: u32,
    /// Microseconds that those which were sent had waited here.
    pub(crate) waited_us: u64,
    /// Requests that left the upstream, however it ended.
    pub ended: u32,
    /// Of these, those that the upstream failed. Never our own refusals.
    pub failed: u32,
    /// The most permits that were out at a time, of all VMs.
    pub peak_in_flight: u32,
    /// Whether somebody waited here or was refused because of load.
    pub contended: bool,
    /// Requests in flight, integrated over time: request-microseconds.
    pub(crate) in_flight_us: u64,
    /// Streams of which no token has come, integrated over time.
    pub(crate) unstarted_us: u64,
}

impl Window {
    /// All that `other` saw too.
    pub fn merge(&mut self, other: &Self) {
        for (mine, others) in self.first_tokens.iter_mut().zip(&other.first_tokens) {
            mine.merge(others);
        }
        for (mine, others) in self.reserved.iter_mut().zip(&other.reserved) {
            mine.merge(others);
        }
        for (mine, others) in self.arrived.iter_mut().zip(other.arrived) {
            *mine = mine.saturating_add(others);
        }
        self.refused = self.refused.saturating_add(other.refused);
        self.sent = self.sent.saturating_add(other.sent);
        self.sent_streamed = self.sent_streamed.saturating_add(other.sent_streamed);
        self.waited_us = self.waited_us.saturating_add(other.waited_us);
        self.ended = self.ended.saturating_add(other.ended);
        self.failed = self.failed.saturating_add(other.failed);
        self.peak_in_flight = self.peak_in_flight.max(other.peak_in_flight);
        self.contended |= other.contended;
        self.in_flight_us = self.in_flight_us.saturating_add(other.in_flight_us);
        self.unstarted_us = self.unstarted_us.saturating_add(other.unstarted_us);
    }

    /// Requests of all levels that came.
    #[must_use]
    pub fn arrivals(&self) -> u32 {
        self.arrived.iter().fold(0, |all, arrived| all.saturating_add(*arrived))
    }

    /// First tokens of all classes.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.first_tokens.iter().map(Samples::count).fold(0, u32::saturating_add)
    }

    /// The mean time to the first token of streams as clients see it, in microseconds: the wait here and the wait for the
    /// upstream. `None` when no stream began.
    #[must_use]
    pub fn mean_ttft_us(&self) -> Option<f64> {
        let waited = self.waited_us as f64 / f64::from(self.sent.max(1));
        self.mean_upstream_us().map(|upstream| upstream + waited)
    }

    /// The part of it that the upstream took.
    #[must_use]
    pub fn mean_upstream_us(&self) -> Option<f64> {
        let streamed = self.first_tokens.iter().take(CLASSES / 2);
        let (count, sum) = streamed
            .fold((0.0, 0.0), |(count, sum), one| (count + f64::from(one.count()), sum + one.sum_us()));
        (count > 0.0).then(|| sum / count)
    }
}

/// How a request left the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    Answered,
    /// The upstream failed it: 5xx, a reset, no answer in time.
    Failed,
    /// Its client went away, or what came says nothing about the upstream.
    Abandoned,
}

/// The permit that a request went with: [`crate::reserve::Ceilings::permit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// So many permits are out with it, of all VMs.
    pub in_flight: u32,
    /// Whether it is one of those that less important levels leave free.
    pub reserved: bool,
}

/// What is to be remembered of a request while it is at the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    class: Class,
    reserved: bool,
}

/// What one VM sees of its own requests.
///
/// Every request that was `sent` is `ended` once, and `started` at most once in between. A count that would fall below
/// zero stays there.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    window: Window,
    in_flight: u32,
    unstarted: u32,
    until: Timestamp,
}

impl Observer {
    /// A request of this level has come.
    pub fn arrived(&mut self, level: Level) {
        if let Some(arrived) = self.window.arrived.get_mut(level.index()) {
            *arrived = arrived.saturating_add(1);
        }
    }

    /// A request has to wait.
    pub fn waits(&mut self) {
        self.window.contended = true;
    }

    /// A request is refused because of load.
    pub fn refused(&mut self) {
        self.window.contended = true;
        self.window.refused = self.window.refused.saturating_add(1);
    }

    /// A request is sent, after it has `waited` here. What is given back is for [`Self::started`] and [`Self::ended`].
    #[must_use]
    pub fn sent(&mut self, now: Timestamp, class: Class, waited: Duration, permit: Permit) -> Sent {
        self.pass(now);
        let waited_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.in_flight = self.in_flight.saturating_add(1);
        self.window.sent = self.window.sent.saturating_add(1);
        self.window.waited_us = self.window.waited_us.saturating_add(waited_us);
        self.window.peak_in_flight = self.window.peak_in_flight.max(permit.in_flight);
        if class.is_streamed() {
            self.unstarted = self.unstarted.saturating_add(1);
            self.window.sent_streamed = self.window.sent_streamed.saturating_add(1);
        }
        Sent { class, reserved: permit.reserved }
    }

    /// The first token of a stream came so long after it was sent; or the whole answer of a request that is no stream.
    pub fn started(&mut self, now: Timestamp, sent: &Sent, ttft: Duration) {
        self.pass(now);
        if sent.class.is_streamed() {
            self.unstarted = self.unstarted.saturating_sub(1);
        }
        let micros = u64::try_from(ttft.as_micros()).unwrap_or(u64::MAX);
        if let Some(samples) = self.window.first_tokens.get_mut(sent.class.index()) {
            samples.add(micros);
        }
        if let Some(samples) = self.window.reserved.get_mut(sent.class.index()).filter(|_| sent.reserved) {
            samples.add(micros);
        }
    }

    /// A request has left the upstream. `started` says whether [`Self::started`] was told of it.
    pub fn ended(&mut self, now: Timestamp, sent: &Sent, started: bool, end: End) {
        self.pass(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        if sent.class.is_streamed() && !started {
            self.unstarted = self.unstarted.saturating_sub(1);
        }
        self.window.ended = self.window.ended.saturating_add(1);
        if end == End::Failed {
            self.window.failed = self.window.failed.saturating_add(1);
        }
    }

    /// What was seen since the last time. If it cannot be absorbed, [`Self::give_back`] it.
    pub fn take(&mut self, now: Timestamp) -> Window {
        self.pass(now);
        std::mem::take(&mut self.window)
    }

    /// What was taken could not be absorbed and counts next time.
    pub fn give_back(&mut self, window: &Window) {
        self.window.merge(window);
    }

    /// This VM's requests at the upstream.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Time passes. A clock that steps back loses some of it.
    fn pass(&mut self, now: Timestamp) {
        let micros = u64::try_from(now.since(self.until).as_micros()).unwrap_or(0);
        if self.until != Timestamp::ZERO {
            let more = |count: u32| u64::from(count).saturating_mul(micros);
            self.window.in_flight_us = self.window.in_flight_us.saturating_add(more(self.in_flight));
            self.window.unstarted_us = self.window.unstarted_us.saturating_add(more(self.unstarted));
        }
        self.until = now;
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn requests_are_integrated_over_time() {
        let (stream, whole) = (Class::of(true, 10), Class::of(false, 10));
        let mut observer = Observer::default();
        observer.arrived(Level(2));
        let permit = |in_flight, reserved| Permit { in_flight, reserved };
        let one = observer.sent(at(0), stream, Duration::from_millis(2), permit(1, false));
        let other = observer.sent(at(10), whole, Duration::ZERO, permit(2, true));
        observer.started(at(20), &one, Duration::from_millis(20));
        observer.started(at(50), &other, Duration::from_millis(40));
        observer.ended(at(50), &other, true, End::Answered);
        observer.ended(at(60), &one, true, End::Failed);
        let window = observer.take(at(100));
        // 60 ms and 40 ms in flight, 20 ms of a stream without a token.
        assert_eq!((window.in_flight_us, window.unstarted_us), (100_000, 20_000));
        assert_eq!((window.sent, window.sent_streamed, window.ended, window.failed), (2, 1, 2, 1));
        assert_eq!((window.samples(), window.peak_in_flight, window.arrivals()), (2, 2, 1));
        assert_eq!(window.mean_ttft_us(), Some(21_000.0));
        assert_eq!(window.reserved.map(|samples| samples.count()), [0, 0, 0, 1, 0, 0]);
        assert_eq!(observer.take(at(200)), Window::default());
        observer.give_back(&window);
        assert_eq!(observer.take(at(300)), window);
    }

    #[test]
    fn counts_stay_above_zero_and_a_clock_that_steps_back_adds_nothing() {
        let stream = Class::of(true, 10);
        let mut observer = Observer::default();
        let sent = Sent { class: stream, reserved: false };
        observer.ended(at(5), &sent, false, End::Abandoned);
        let sent = observer.sent(at(5), stream, Duration::ZERO, Permit { in_flight: 1, reserved: false });
        observer.ended(at(1), &sent, false, End::Abandoned);
        let window = observer.take(at(9));
        assert_eq!((observer.in_flight(), window.in_flight_us, window.ended), (0, 0, 2));
    }
}
