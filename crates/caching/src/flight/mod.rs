//! Which requests are in flight, so that the same request is computed once.
//!
//! The first request with a key leads: it goes to the upstream. Requests with the same key that come meanwhile follow:
//! they wait for its answer. Requests are in different Envoy workers' VMs, so who leads and who follows stands in a
//! record that all of them change by compare-and-swap; every operation here is a function of the record that may be run
//! again on a newer one. Whoever is named by an operation's result is to be woken by the caller, once the swap succeeded.
//!
//! ```text
//! join ──► lead ──► complete: all followers get the answer
//!   │       │ ├───► fail, leave: the first follower leads, one after the other
//!   │       │ └───► pass: nobody can share it; all followers go on by themselves, and so does who comes later
//!   │       └─ a more important request comes, or its time is over ──► leads no longer, but may still complete
//!   ├─────► follow
//!   └─────► alone
//! ```
//!
//! Four things keep a wait from being worse than computing twice. A leader that is lost (its VM trapped, its upstream
//! hangs) loses its place when its time is over. A request that is more important than the leader does not wait for it.
//! A key whose answer could not be kept is passed for a while: its requests do not queue up behind each other (what
//! Varnish calls hit-for-miss). And nothing here grows without limit.
//!
//! Levels are numbers, of which the smaller is the more important.

mod limits;
mod one;

pub use limits::Limits;
pub use one::Member;

use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use spillway_primitives::Timestamp;

use crate::digest::Digest;
use one::{Flight, Place};

const VERSION: u8 = 1;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It goes to the upstream, and others may wait for it. It says how it ended.
    Lead,
    /// It waits for the leader's answer.
    Follow,
    /// It goes to the upstream by itself.
    Alone(Alone),
}

/// Why a request goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alone {
    /// The last answer to this request could not be kept.
    Passing,
    /// Enough requests wait for that answer.
    TooManyFollowers,
    /// Enough different requests are in flight.
    TooManyFlights,
}

impl Alone {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Passing, Self::TooManyFollowers, Self::TooManyFlights];

    /// The word for logs, metrics and `Cache-Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::TooManyFollowers => "too_many_followers",
            Self::TooManyFlights => "too_many_flights",
        }
    }
}

/// A follower that leads now and is to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// The key that it leads.
    pub key: Digest,
    /// Who it is.
    pub member: Member,
}

/// The requests in flight of one shard of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flights {
    flights: Vec<Flight>,
    passes: Vec<Pass>,
}

/// A key whose requests go by themselves, for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pass {
    key: Digest,
    until: Timestamp,
}

impl Flights {
    /// The record that `bytes` hold; no bytes are an empty one.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when another release wrote them, or nobody did. Requests of this shard then go by themselves.
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

    /// A request with this key comes, of this level. One that is in already is told again what it is.
    pub fn join(
        &mut self,
        key: Digest,
        member: Member,
        level: u8,
        now: Timestamp,
        limits: &Limits,
    ) -> Joined {
        self.passes.retain(|pass| now < pass.until);
        if self.passes.iter().any(|pass| pass.key == key) {
            return Joined::Alone(Alone::Passing);
        }
        let place = Place { member, level };
        if let Some(flight) = self.flight(key) {
            return flight.join(place, now, limits);
        }
        if self.flights.len() >= limits.max_flights {
            // One that is overdue and awaited by nobody is of no use to anybody; nor is one that has been overdue for so long
            // that nobody can still be waiting.
            self.flights.retain(|flight| {
                !flight.is_over(now, limits) || flight.is_awaited() && !flight.is_long_over(now, limits)
            });
        }
        if self.flights.len() >= limits.max_flights {
            return Joined::Alone(Alone::TooManyFlights);
        }
        self.flights.push(Flight::new(key, place, now, limits));
        Joined::Lead
    }

    /// A leader has a whole answer. Gives all followers, who are to be answered. Nobody, if it does not lead and never
    /// did: another one was quicker.
    pub fn complete(&mut self, key: Digest, member: Member) -> Vec<Member> {
        let led = |flight: &Flight| flight.is_of(key) && flight.was_led_by(member);
        match self.flights.iter().position(led) {
            Some(at) => self.flights.swap_remove(at).into_followers(),
            None => Vec::new(),
        }
    }

    /// A leader's attempt failed, and the failure is not everybody's. If it leads, the most important follower (of
    /// several the one that came first) leads from now on and is to be woken; the others go on waiting.
    pub fn fail(&mut self, key: Digest, member: Member, now: Timestamp, limits: &Limits) -> Option<Member> {
        let flight = self.flight(key).filter(|flight| flight.was_led_by(member))?;
        let promoted = flight.leave(member, now, limits);
        self.forget_empty();
        promoted
    }

    /// A request is gone: its client left, or it went on by itself. As [`Self::fail`] if it leads.
    pub fn leave(&mut self, key: Digest, member: Member, now: Timestamp, limits: &Limits) -> Option<Member> {
        let promoted = self.flight(key)?.leave(member, now, limits);
        self.forget_empty();
        promoted
    }

    /// An answer came that cannot be kept, so nobody can be given it. Gives all followers, who are to go on by
    /// themselves, as does everybody with this key until then.
    ///
    /// Nothing happens if somebody else leads: let that one find out.
    pub fn pass(&mut self, key: Digest, member: Member, until: Timestamp, limits: &Limits) -> Vec<Member> {
        if self.flight(key).is_some_and(|flight| !flight.was_led_by(member)) {
            return Vec::new();
        }
        let released = self.complete(key, member);
        self.passes.retain(|pass| pass.key != key);
        if self.passes.len() >= limits.max_passes {
            let soonest = (0..).zip(&self.passes).min_by_key(|(_, pass)| pass.until).map(|(at, _)| at);
            soonest.map(|at: usize| self.passes.swap_remove(at));
        }
        if limits.max_passes > 0 {
            self.passes.push(Pass { key, until });
        }
        released
    }

    /// A VM is gone with all of its requests. Gives who leads in their place.
    pub fn gone(&mut self, vm: u64, now: Timestamp, limits: &Limits) -> Vec<Promoted> {
        let promoted = self.promote(|flight| flight.without(vm, now, limits));
        self.forget_empty();
        promoted
    }

    /// Leaders whose time is over, though nobody new came to take their place: gives who leads in their place.
    pub fn overdue(&mut self, now: Timestamp, limits: &Limits) -> Vec<Promoted> {
        self.flights.retain(|flight| flight.is_awaited() || !flight.is_over(now, limits));
        self.promote(|flight| flight.is_over(now, limits).then(|| flight.replace_leader(now, limits))?)
    }

    /// Whether nothing is in flight and nothing passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty() && self.passes.is_empty()
    }

    fn flight(&mut self, key: Digest) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.is_of(key))
    }

    fn promote(&mut self, change: impl Fn(&mut Flight) -> Option<Member>) -> Vec<Promoted> {
        let flights = self.flights.iter_mut();
        flights.filter_map(|flight| Some(Promoted { member: change(flight)?, key: flight.key() })).collect()
    }

    fn forget_empty(&mut self) {
        self.flights.retain(Flight::is_led);
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
