//! Spillway: `spillway_routing`'s decision over a snapshot that is a second old at most, without the endpoints whose
//! circuit of `spillway_breaker` is open.

use std::time::Duration;

use spillway_primitives::{Rng, Timestamp, rng_from};
use spillway_routing::decision::{Live, Policy, decide};
use spillway_routing::known::Known;
use spillway_routing::snapshot::{Eligible, Snapshot};

use super::circuits::Circuits;
use super::{ATTEMPTS, Balancer, End, Kind, Request};
use crate::books::Books;
use crate::setting::Setting;

pub(super) struct Spillway {
    kind: Kind,
    policy: Policy,
    snapshot: Snapshot,
    circuits: Circuits,
    endpoints: u32,
    zones: u32,
    zone: u16,
    report_lasts: Duration,
}

impl Spillway {
    pub(super) fn new(kind: Kind, setting: &Setting, envoy: u32) -> Self {
        Self {
            kind,
            policy: Policy { attempts: ATTEMPTS, ..setting.policy },
            snapshot: Snapshot::default(),
            circuits: Circuits::new(setting.endpoints),
            endpoints: setting.endpoints,
            zones: u32::from(setting.zones.max(1)),
            zone: setting.zone(envoy),
            report_lasts: setting.report_lasts,
        }
    }

    fn known(&self, place: u32, books: &Books) -> Known {
        let page = books.page(place);
        let zone = (place % self.zones) as u16;
        Known {
            key: rng_from(&[u64::from(place)]).u64(..),
            zone,
            is_local: zone == self.zone,
            weight: 1,
            mean_us: page.mean_us,
            since: self.circuits.since(place),
            report: page.report.filter(|_| self.kind != Kind::WithoutReports),
        }
    }
}

impl Balancer for Spillway {
    fn look(&mut self, books: &Books, now: Timestamp) {
        let mut snapshot = std::mem::take(&mut self.snapshot);
        let eligible = (0..self.endpoints).filter(|place| self.circuits.is_closed(*place)).map(|place| {
            let in_flight = u64::from(books.page(place).in_flight);
            Eligible { place, known: self.known(place, books), in_flight }
        });
        snapshot.look(eligible, now, self.report_lasts, self.kind == Kind::Affinity);
        self.snapshot = snapshot;
    }

    fn choose(&mut self, request: &Request, books: &Books, rng: &mut Rng) -> Vec<u32> {
        let mut order: Vec<u32> = self.circuits.probe(request.number, request.now, rng).into_iter().collect();
        let affinity = request.affinity.filter(|_| self.kind == Kind::Affinity);
        let decision = decide(&self.snapshot, &self.policy, affinity, request.now, rng, |place| {
            let page = books.page(place);
            // Circuits are of whole endpoints here, and the snapshot is without those that are open.
            let isolated = false;
            let reported = page.report.filter(|_| self.kind != Kind::WithoutReports);
            Live {
                in_flight: u64::from(page.in_flight),
                elsewhere: reported.map(|report| u64::from(report.elsewhere)),
                failure_permille: page.failure_permille,
                isolated,
            }
        });
        order.extend(decision.iter().flat_map(|decision| decision.order.as_slice()));
        order.truncate(ATTEMPTS);
        order
    }

    fn ended(&mut self, end: &End, books: &Books, rng: &mut Rng) {
        if self.circuits.ended(end, rng) {
            self.look(books, end.now);
        }
    }
}
