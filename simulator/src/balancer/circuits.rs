//! One Envoy's circuits: who is left out, and who is to be probed.

use std::collections::BTreeMap;

use spillway_breaker::{Admission, Circuit, Event, Isolated, Permit, Policy, State};
use spillway_primitives::{Rng, Timestamp};

use super::End;

/// The share of a pool that may be isolated.
const MAX_PERCENT: u32 = 50;

#[derive(Default)]
pub(super) struct Circuits {
    policy: Policy,
    endpoints: u32,
    /// Of endpoints that have failed.
    circuits: BTreeMap<u32, Circuit>,
    /// Successes of an endpoint since ever, by place.
    successes: Vec<u64>,
    isolated: Isolated,
    /// Probes that are out, by request and place.
    permits: BTreeMap<(u64, u32), Permit>,
    /// When the next probe may go out.
    next_probe: Option<Timestamp>,
}

impl Circuits {
    pub(super) fn new(endpoints: u32) -> Self {
        Self { endpoints, successes: vec![0; endpoints as usize], ..Self::default() }
    }

    /// Whether an endpoint may be chosen.
    pub(super) fn is_closed(&self, place: u32) -> bool {
        self.circuits.get(&place).is_none_or(|circuit| circuit.state() == State::Closed)
    }

    /// Since when it may be chosen.
    pub(super) fn since(&self, place: u32) -> Timestamp {
        self.circuits.get(&place).map_or(Timestamp::ZERO, Circuit::since)
    }

    /// The endpoint that the request should probe, if one's time has come.
    pub(super) fn probe(&mut self, request: u64, now: Timestamp, rng: &mut Rng) -> Option<u32> {
        if self.next_probe.is_none_or(|at| now < at) {
            return None;
        }
        let policy = self.policy;
        let mut probed = None;
        for place in self.isolated.places(0) {
            let Some(circuit) = self.circuits.get_mut(&place) else { continue };
            if circuit.retry_at(&policy).is_none_or(|at| now < at) {
                continue;
            }
            if let (Admission::Probe(permit), _) = circuit.admit(now, &policy, rng) {
                self.permits.insert((request, place), permit);
                probed = Some(place);
                break;
            }
        }
        self.find_next_probe();
        probed
    }

    /// An attempt is over. True if somebody may be chosen now who might not, or the other way round.
    pub(super) fn ended(&mut self, end: &End, rng: &mut Rng) -> bool {
        let End { place, began, now, .. } = *end;
        let successes = &mut self.successes[place as usize];
        *successes += u64::from(end.success);
        let policy = self.policy;
        let change = if let Some(permit) = self.permits.remove(&(end.request, place)) {
            let circuit = self.circuits.entry(place).or_default();
            circuit.resolve(permit, end.success, now, &policy, rng)
        } else if end.success {
            if let Some(circuit) = self.circuits.get_mut(&place) {
                circuit.succeeded(began, now);
            }
            None
        } else {
            let circuit = self.circuits.entry(place).or_default();
            let event = Event { began, now, successes: *successes };
            let reason = circuit.failed(event, &policy);
            let reason =
                reason.filter(|_| self.isolated.admit(place, 0, self.endpoints as usize, MAX_PERCENT));
            reason.and_then(|reason| circuit.trip(reason, None, now, &policy, rng))
        };
        if self.is_closed(place) {
            self.isolated.release(place, 0);
        }
        if change.is_some() {
            self.find_next_probe();
        }
        change.is_some()
    }

    fn find_next_probe(&mut self) {
        let circuits = self.circuits.values();
        self.next_probe = circuits.filter_map(|circuit| circuit.retry_at(&self.policy)).min();
    }
}
