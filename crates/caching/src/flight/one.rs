//! One flight: who leads, who led before, who waits.

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use super::{Alone, Joined, Limits};
use crate::digest::Digest;

/// How many earlier leaders are remembered. One beyond that still answers its own client.
const EARLIER: usize = 4;

/// A request, and whom to wake for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The VM whose queue it listens to.
    pub vm: u64,
    /// Which of its streams.
    pub stream: u32,
}

/// A request and its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) member: Member,
    pub(super) level: u8,
}

/// One flight. Nobody is in it twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flight {
    key: Digest,
    /// `None` only until the flight is forgotten.
    leader: Option<Place>,
    /// When the leader's time is over.
    until: Timestamp,
    /// Who led before and still computes; the last one at the end.
    earlier: Vec<Place>,
    /// In the order in which they came.
    followers: Vec<Place>,
}

impl Flight {
    pub(super) fn new(key: Digest, leader: Place, now: Timestamp, limits: &Limits) -> Self {
        let until = now.plus(limits.lasts);
        Self { key, leader: Some(leader), until, earlier: Vec::new(), followers: Vec::new() }
    }

    pub(super) const fn key(&self) -> Digest {
        self.key
    }

    pub(super) fn is_of(&self, key: Digest) -> bool {
        self.key == key
    }

    pub(super) const fn is_led(&self) -> bool {
        self.leader.is_some()
    }

    pub(super) const fn is_awaited(&self) -> bool {
        !self.followers.is_empty()
    }

    /// Whether it leads, or led and was replaced.
    pub(super) fn was_led_by(&self, member: Member) -> bool {
        self.leader.iter().chain(&self.earlier).any(|place| place.member == member)
    }

    /// Whether the leader counts as lost. An end that is further away than any leader's is one of a clock that stepped
    /// back, and over too.
    pub(super) fn is_over(&self, now: Timestamp, limits: &Limits) -> bool {
        now >= self.until || self.until.since(now) > limits.lasts
    }

    /// Whether who waits for it has waited for longer than anybody does.
    pub(super) fn is_long_over(&self, now: Timestamp, limits: &Limits) -> bool {
        self.is_over(now, limits) && now.since(self.until) >= limits.lasts
    }

    pub(super) fn into_followers(self) -> Vec<Member> {
        self.followers.into_iter().map(|place| place.member).collect()
    }

    pub(super) fn join(&mut self, place: Place, now: Timestamp, limits: &Limits) -> Joined {
        if self.was_led_by(place.member) {
            return Joined::Lead;
        }
        let is_more_important = self.leader.is_none_or(|leader| place.level < leader.level);
        if is_more_important || self.is_over(now, limits) {
            self.followers.retain(|follower| follower.member != place.member);
            self.led_by(place, now, limits);
            return Joined::Lead;
        }
        if !self.followers.iter().any(|follower| follower.member == place.member) {
            if self.followers.len() >= limits.max_followers {
                return Joined::Alone(Alone::TooManyFollowers);
            }
            self.followers.push(place);
        }
        Joined::Follow
    }

    /// Takes a request out. Gives the follower that leads in its place.
    pub(super) fn leave(&mut self, member: Member, now: Timestamp, limits: &Limits) -> Option<Member> {
        self.retain(|place| place.member != member, now, limits)
    }

    /// Takes all requests of a VM out. Gives the follower that leads in their place.
    pub(super) fn without(&mut self, vm: u64, now: Timestamp, limits: &Limits) -> Option<Member> {
        self.retain(|place| place.member.vm != vm, now, limits)
    }

    /// Lets the most important follower lead, if there is one. The leader before it may still complete.
    pub(super) fn replace_leader(&mut self, now: Timestamp, limits: &Limits) -> Option<Member> {
        let (at, _) = (0..).zip(&self.followers).min_by_key(|(_, place)| place.level)?;
        let follower = self.followers.remove(at);
        self.led_by(follower, now, limits);
        Some(follower.member)
    }

    fn retain(&mut self, keep: impl Fn(&Place) -> bool, now: Timestamp, limits: &Limits) -> Option<Member> {
        self.followers.retain(&keep);
        self.earlier.retain(&keep);
        self.leader = self.leader.filter(&keep);
        if self.is_led() {
            return None;
        }
        let promoted = self.replace_leader(now, limits);
        if promoted.is_none() {
            // One that was replaced still computes: it need not be woken, and others may wait for it again.
            self.leader = self.earlier.pop();
        }
        promoted
    }

    fn led_by(&mut self, place: Place, now: Timestamp, limits: &Limits) {
        self.earlier.extend(self.leader.replace(place));
        if self.earlier.len() > EARLIER {
            self.earlier.remove(0);
        }
        self.until = now.plus(limits.lasts);
    }

    /// Who waits, for tests.
    #[cfg(test)]
    pub(super) fn followers(&self) -> impl Iterator<Item = Member> {
        self.followers.iter().map(|place| place.member)
    }

    /// Who leads, for tests.
    #[cfg(test)]
    pub(super) fn leader(&self) -> Option<Member> {
        self.leader.map(|place| place.member)
    }
}
