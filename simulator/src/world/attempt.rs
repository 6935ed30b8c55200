//! The way of one request through its attempts.

use std::time::Duration;

use spillway_primitives::Timestamp;

use super::World;
use super::envoy::Envoy;
use super::event::{Event, Step};
use crate::balancer::End;
use crate::endpoint::Admission;

/// A failure or a refusal takes this long to be told.
const ANSWERED_AFTER: Duration = Duration::from_millis(1);
/// Envoy's back-off: before the n-th retry at most 2ⁿ − 1 times this, at random; as in the shipped configuration.
const BACK_OFF: Duration = Duration::from_millis(25);
const MAX_BACK_OFF: Duration = Duration::from_millis(250);

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Completed,
    /// 429: an answer, which is neither a failure nor retried.
    Refused,
    Failed,
}

impl World<'_> {
    /// Sends a request to the next endpoint in its order.
    pub(super) fn attempt(&mut self, key: usize) {
        let request = &mut self.requests[key];
        let Some(place) = request.order.get(request.tried).copied() else {
            let request = self.requests.remove(key);
            self.failed(request.arrived, false);
            return;
        };
        self.serial += 1;
        (request.place, request.began, request.serial) = (place, self.now, self.serial);
        request.tried += 1;
        self.envoys[request.envoy].books.begin(place);
        let endpoint = &mut self.endpoints[place as usize];
        self.measures.attempt(endpoint.condition(), self.now);
        match endpoint.admit(key, self.now) {
            Admission::Starts => self.start(key),
            Admission::Waits => self.expect(key, self.setting.patience, Step::TooLate),
            Admission::Fails => self.expect(key, ANSWERED_AFTER, Step::Fail),
            Admission::Full => self.expect(key, ANSWERED_AFTER, Step::Refused),
        }
    }

    /// A request has got a slot.
    pub(super) fn start(&mut self, key: usize) {
        let request = &mut self.requests[key];
        // What was expected while it waited is off.
        self.serial += 1;
        request.serial = self.serial;
        let mut prefill = request.prefill;
        if let (Some(prefix), Some(prefixes)) = (request.prefix, &self.setting.prefixes) {
            let hit = self.endpoints[request.place as usize].remember(prefix, prefixes.remembered);
            if hit {
                prefill = prefill.mul_f64(prefixes.hit_costs);
            }
            if self.measures.counts(self.now) {
                let outcome = &mut self.measures.outcome;
                *if hit { &mut outcome.hits } else { &mut outcome.misses } += 1;
            }
        }
        let speed = self.setting.speed(request.place);
        self.expect(key, prefill.div_f64(speed), Step::FirstToken);
    }

    /// Something happens to the attempt that is under way.
    pub(super) fn step(&mut self, key: usize, step: Step) {
        match step {
            Step::FirstToken => self.first_token(key),
            Step::Complete => self.leave_and_end(key, How::Completed),
            Step::TooLate => self.leave_and_end(key, How::Failed),
            Step::Fail => self.end(key, How::Failed),
            Step::Refused => {
                self.note_report(key);
                self.end(key, How::Refused);
            }
        }
    }

    fn first_token(&mut self, key: usize) {
        let request = &mut self.requests[key];
        request.has_begun = true;
        let took = self.now.since(request.began);
        let decode = request.decode.div_f64(self.setting.speed(request.place));
        let Envoy { balancer, books, .. } = &mut self.envoys[request.envoy];
        books.first_token(request.place, took);
        balancer.first_token(request.place, took, self.now);
        self.measures.first_token(request.arrived, self.now);
        self.note_report(key);
        self.expect(key, decode, Step::Complete);
    }

    /// The answer's headers come with its first token, and the load report in them.
    fn note_report(&mut self, key: usize) {
        let request = &self.requests[key];
        let in_flight = self.endpoints[request.place as usize].in_flight();
        self.envoys[request.envoy].books.note(request.place, in_flight, self.setting.slots, self.now);
    }

    fn leave_and_end(&mut self, key: usize, how: How) {
        let place = self.requests[key].place;
        let next = self.endpoints[place as usize].leave(key, self.now);
        self.end(key, how);
        next.into_iter().for_each(|next| self.start(next));
    }

    /// The attempt is over; its endpoint has let it go already.
    pub(super) fn end(&mut self, key: usize, how: How) {
        let request = &mut self.requests[key];
        // Whatever was expected of it is off.
        request.serial = 0;
        let Envoy { balancer, books, rng, .. } = &mut self.envoys[request.envoy];
        let success = how != How::Failed;
        books.end(request.place, success, self.now.since(request.began));
        let end = End {
            request: request.number,
            place: request.place,
            began: request.began,
            now: self.now,
            success,
        };
        balancer.ended(&end, books, rng);
        if how == How::Failed && !request.has_begun {
            let most = (BACK_OFF * ((1 << request.tried) - 1)).min(MAX_BACK_OFF);
            let wait = if request.tried < request.order.len() {
                most.mul_f64(self.rng.f64())
            } else {
                Duration::ZERO
            };
            self.events.push(self.now.plus(wait), Event::Retry { request: key });
            return;
        }
        let request = self.requests.remove(key);
        match how {
            How::Completed => self.measures.outcome.completed += 1,
            How::Refused | How::Failed => self.failed(request.arrived, request.has_begun),
        }
    }

    fn failed(&mut self, arrived: Timestamp, has_begun: bool) {
        self.measures.outcome.failed += 1;
        let second = self.measures.second(arrived);
        second.failed += 1;
        second.broken_off += u64::from(has_begun);
    }

    fn expect(&mut self, key: usize, after: Duration, step: Step) {
        let serial = self.requests[key].serial;
        self.events.push(self.now.plus(after), Event::Attempt { request: key, serial, step });
    }
}
