//! What holds whatever happens, in whatever order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use spillway_primitives::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Flights, Joined, Limits, Member, Promoted};
use crate::digest::Digest;

/// One thing that happens. `who` is one of the requests that have come so far.
#[derive(Clone, Copy, Debug)]
enum Step {
    Comes { key: u8, vm: u64, level: u8 },
    Completes { who: usize },
    Fails { who: usize },
    Leaves { who: usize },
    Passes { who: usize, lasts: u64 },
    VmIsGone { vm: u64 },
    Overdue,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let who = || 0usize..1_000;
    let what = prop_oneof![
        12 => (0u8..5, 0u64..3, 0u8..3).prop_map(|(key, vm, level)| Step::Comes { key, vm, level }),
        2 => who().prop_map(|who| Step::Completes { who }),
        2 => who().prop_map(|who| Step::Fails { who }),
        3 => who().prop_map(|who| Step::Leaves { who }),
        1 => (who(), 0u64..5).prop_map(|(who, lasts)| Step::Passes { who, lasts }),
        1 => (0u64..3).prop_map(|vm| Step::VmIsGone { vm }),
        1 => Just(Step::Overdue),
    ];
    let time = prop_oneof![20 => 0i64..3, 1 => -100i64..0];
    proptest::collection::vec((time, what), 1..200)
}

const LIMITS: Limits =
    Limits { max_flights: 3, max_followers: 6, max_passes: 2, lasts: Duration::from_secs(15) };

/// What each request that is still there was told last.
#[derive(Default)]
struct World {
    flights: Flights,
    requests: Vec<(Digest, Member)>,
    /// Those that wait, by the key that they wait for.
    waiting: BTreeMap<Member, Digest>,
    /// Since when.
    since: BTreeMap<Member, Timestamp>,
    /// Those that compute and others may wait for, the last one that was told so first.
    leading: BTreeMap<Digest, Vec<Member>>,
}

impl World {
    fn comes(&mut self, key: Digest, member: Member, level: u8, now: Timestamp) {
        self.requests.push((key, member));
        match self.flights.join(key, member, level, now, &LIMITS) {
            Joined::Lead => self.leading.entry(key).or_default().insert(0, member),
            Joined::Follow => {
                self.since.insert(member, now);
                assert!(self.waiting.insert(member, key).is_none());
            }
            Joined::Alone(_) => {}
        }
    }

    /// Everybody that an operation names was waiting, for that key, and waits no longer.
    fn woken(&mut self, key: Digest, members: &[Member]) {
        for member in members {
            assert_eq!(self.waiting.remove(member), Some(key), "woken without waiting, or twice");
        }
    }

    fn promoted(&mut self, promoted: &[Promoted]) {
        for Promoted { key, member } in promoted {
            self.woken(*key, &[*member]);
            self.leading.entry(*key).or_default().insert(0, *member);
        }
    }

    fn stops(&mut self, gone: impl Fn(Member) -> bool) {
        for leading in self.leading.values_mut() {
            leading.retain(|member| !gone(*member));
        }
    }

    fn ended(&mut self, key: Digest, member: Member, all_woken: &[Member]) {
        let waited = self.waiting.values().filter(|waits_for| **waits_for == key).count();
        assert!(all_woken.is_empty() || all_woken.len() == waited, "some were left behind");
        self.woken(key, all_woken);
        self.stops(|leading| leading == member);
    }

    /// Nobody waits for longer than a leader leads, nor from a time that a clock which stepped back has not reached yet.
    fn late_ones_leave(&mut self, now: Timestamp) {
        const SLACK: Duration = Duration::from_secs(1);
        let has_waited = |since: Timestamp| now.since(since) >= LIMITS.lasts || since.since(now) > SLACK;
        let is_late = |member: &Member| self.since.get(member).is_some_and(|since| has_waited(*since));
        let late: Vec<_> = self.waiting.keys().copied().filter(is_late).collect();
        for member in late {
            if let Some(key) = self.waiting.remove(&member) {
                assert_eq!(self.flights.leave(key, member, now, &LIMITS), None, "a follower does not lead");
            }
        }
    }

    fn step(&mut self, step: Step, now: Timestamp) {
        self.late_ones_leave(now);
        let some = |who: usize, world: &Self| world.requests.get(who % world.requests.len().max(1)).copied();
        match step {
            Step::Comes { key, vm, level } => {
                let member = Member { vm, stream: self.requests.len() as u32 };
                self.comes(Digest::from_bytes([key; 32]), member, level, now);
            }
            Step::Completes { who } => {
                let Some((key, member)) = some(who, self) else { return };
                let woken = self.flights.complete(key, member);
                self.ended(key, member, &woken);
            }
            Step::Passes { who, lasts } => {
                let Some((key, member)) = some(who, self) else { return };
                let until = now.plus(Duration::from_secs(lasts));
                let woken = self.flights.pass(key, member, until, &LIMITS);
                self.ended(key, member, &woken);
            }
            Step::Fails { who } => {
                let Some((key, member)) = some(who, self) else { return };
                let promoted = self.flights.fail(key, member, now, &LIMITS);
                self.stops(|leading| leading == member);
                self.promoted(
                    &promoted.map(|member| Promoted { key, member }).into_iter().collect::<Vec<_>>(),
                );
            }
            Step::Leaves { who } => {
                let Some((key, member)) = some(who, self) else { return };
                let promoted = self.flights.leave(key, member, now, &LIMITS);
                self.waiting.remove(&member);
                self.stops(|leading| leading == member);
                self.promoted(
                    &promoted.map(|member| Promoted { key, member }).into_iter().collect::<Vec<_>>(),
                );
            }
            Step::VmIsGone { vm } => {
                let promoted = self.flights.gone(vm, now, &LIMITS);
                self.waiting.retain(|member, _| member.vm != vm);
                self.stops(|leading| leading.vm == vm);
                self.promoted(&promoted);
            }
            Step::Overdue => {
                let promoted = self.flights.overdue(now, &LIMITS);
                self.promoted(&promoted);
            }
        }
    }

    /// The record says the same as what the requests were told.
    fn agrees(&self) {
        let mut keys = BTreeSet::new();
        let mut waiting = BTreeMap::new();
        for flight in &self.flights.flights {
            assert!(keys.insert(flight.key()), "two flights of one key");
            assert!(flight.followers().count() <= LIMITS.max_followers);
            waiting.extend(flight.followers().map(|member| (member, flight.key())));
            let leader = flight.leader().expect("a flight without a leader");
            let told = self.leading.get(&flight.key()).is_some_and(|leading| leading.contains(&leader));
            assert!(told, "a leader that does not know it");
        }
        assert_eq!(waiting, self.waiting, "somebody is forgotten, or waits for nothing");
        assert!(self.flights.flights.len() <= LIMITS.max_flights);
        assert!(self.flights.passes.len() <= LIMITS.max_passes);
        let bytes = self.flights.encode().unwrap();
        // 32 bytes of key, times, and at most 16 for each request, of which an earlier leader is one too.
        assert!(bytes.len() <= 3 * (32 + 16 + 16 * (1 + 4 + 6)) + 2 * 48 + 8, "{} bytes", bytes.len());
        assert_eq!(Flights::decode(&bytes).as_ref(), Ok(&self.flights));
    }
}

proptest! {
    #[test]
    fn one_leads_and_everybody_who_waits_is_woken_once(steps in steps()) {
        let mut world = World::default();
        let mut now = Timestamp::from_millis(1_700_000_000_000);
        for (passed, step) in steps {
            now = Timestamp::from_millis(now.as_millis().saturating_add_signed(passed * 1_000));
            world.step(step, now);
            world.agrees();
        }
        // In the end every leader fails, one after the other, and nobody is left.
        while let Some(flight) = world.flights.flights.first() {
            let (key, leader) = (flight.key(), flight.leader().unwrap());
            let who = world.requests.iter().position(|(_, member)| *member == leader).unwrap();
            world.step(Step::Fails { who }, now);
            world.agrees();
            prop_assert!(world.flights.flights.iter().all(|flight| flight.key() != key || flight.leader() != Some(leader)));
        }
        prop_assert!(world.waiting.is_empty());
    }
}
