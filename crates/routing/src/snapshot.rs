//! A pool as one Envoy worker saw it at its last look: what a decision needs and must not gather per request.

use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::affinity::Ring;
use crate::elsewhere::{Elsewhere, Others};
use crate::known::Known;

/// The endpoints that may be chosen, and what follows from all of them together.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By place; those of endpoints that may not be chosen are never read.
    known: Vec<Known>,
    eligible: Vec<bool>,
    local: Vec<u32>,
    remote: Vec<u32>,
    fastest_us: Option<u64>,
    most_slots: u32,
    mean_in_flight: f64,
    /// Since when the oldest of them may be chosen.
    oldest: Timestamp,
    /// By place: what others have in flight there.
    elsewhere: Vec<Elsewhere>,
    ring: Ring,
}

/// One endpoint that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eligible {
    /// Its place in the pool's table.
    pub place: u32,
    /// What is known about it.
    pub known: Known,
    /// Attempts of this Envoy that were in flight there.
    pub in_flight: u64,
}

impl Snapshot {
    /// Replaces everything that was known. Reports older than `report_lasts` are left out.
    ///
    /// With `ring` the snapshot can be asked for affinity; without it the ring stays empty and costs nothing.
    #[allow(clippy::cast_precision_loss, reason = "counts in flight are far below 2^52")]
    pub fn look(
        &mut self,
        eligible: impl Iterator<Item = Eligible>,
        now: Timestamp,
        report_lasts: Duration,
        ring: bool,
    ) {
        self.local.clear();
        self.remote.clear();
        self.eligible.fill(false);
        (self.fastest_us, self.most_slots) = (None, 0);
        self.oldest = now;
        let mut in_flight = 0.0;
        let mut others = Others::default();
        for Eligible { place, known, in_flight: own } in eligible {
            let known = Known { report: known.believed(now, report_lasts), ..known };
            let at = place as usize;
            if self.known.len() <= at {
                self.known.resize_with(at + 1, Known::default);
                self.eligible.resize(at + 1, false);
            }
            if let Some(eligible) = self.eligible.get_mut(at) {
                *eligible = true;
            }
            if let Some(cell) = self.known.get_mut(at) {
                *cell = known;
            }
            if known.is_local { &mut self.local } else { &mut self.remote }.push(place);
            self.fastest_us = match (self.fastest_us, known.mean_us) {
                (Some(fastest), Some(mean)) => Some(fastest.min(mean)),
                (fastest, mean) => fastest.or(mean),
            };
            self.oldest = self.oldest.min(known.since);
            if let Some(report) = known.report {
                self.most_slots = self.most_slots.max(report.slots);
                others.hear(report);
            }
            in_flight += own as f64;
        }
        self.look_elsewhere(others, in_flight, now);
        if ring {
            let Self { known, local, remote, ring, .. } = self;
            // Affinity stays within the zone while there is anybody in it.
            let members = if local.is_empty() { remote } else { local };
            ring.set(
                members.iter().map(|place| (known.get(*place as usize).map_or(0, |known| known.key), *place)),
            );
        }
    }

    /// Leaves out endpoints at once, without looking at the others anew: their circuits have opened.
    pub fn leave_out(&mut self, out: impl Fn(u32) -> bool) {
        self.local.retain(|place| !out(*place));
        self.remote.retain(|place| !out(*place));
        for (place, eligible) in (0..).zip(&mut self.eligible) {
            *eligible &= !out(place);
        }
    }

    /// Whether an endpoint may be chosen.
    #[must_use]
    pub fn is_eligible(&self, place: u32) -> bool {
        self.eligible.get(place as usize).copied().unwrap_or(false)
    }

    /// Endpoints in the zone of this Envoy, or all of them where zones are not told apart.
    #[must_use]
    pub fn local(&self) -> &[u32] {
        &self.local
    }

    /// Endpoints in other zones.
    #[must_use]
    pub fn remote(&self) -> &[u32] {
        &self.remote
    }

    /// How many endpoints may be chosen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.local.len() + self.remote.len()
    }

    /// Whether nobody may be chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known about an endpoint that may be chosen.
    #[must_use]
    pub fn known(&self, place: u32) -> Option<&Known> {
        self.known.get(place as usize)
    }

    /// The smallest mean time to first token in microseconds.
    #[must_use]
    pub const fn fastest_us(&self) -> Option<u64> {
        self.fastest_us
    }

    /// The most slots that an endpoint has reported; 0 if none has.
    #[must_use]
    pub const fn most_slots(&self) -> u32 {
        self.most_slots
    }

    /// What others have in flight at an endpoint.
    #[must_use]
    pub fn elsewhere(&self, place: u32) -> Elsewhere {
        self.elsewhere.get(place as usize).copied().unwrap_or_default()
    }

    /// Works out what others have in flight everywhere, from what all endpoints together have said. `own` is what this
    /// Envoy has in flight at all of them.
    #[allow(clippy::cast_precision_loss, reason = "counts of endpoints")]
    fn look_elsewhere(&mut self, others: Others, own: f64, now: Timestamp) {
        let Self { known, elsewhere, local, remote, most_slots, .. } = self;
        let eligible = || local.iter().chain(remote.iter()).map(|place| *place as usize);
        let report = |at: usize| known.get(at).and_then(|known| known.report);
        let usual: f64 = eligible().map(|at| others.usual(report(at), *most_slots)).sum();
        let own_share = if usual > 0.0 { own / (own + usual) } else { 1.0 };
        elsewhere.clear();
        elsewhere.resize(known.len(), Elsewhere::default());
        for at in eligible() {
            if let Some(cell) = elsewhere.get_mut(at) {
                *cell = others.at(report(at), *most_slots, own_share, now);
            }
        }
        self.mean_in_flight = (own + usual) / self.len().max(1) as f64;
    }

    /// Requests in flight per endpoint, those of other Envoys included as far as they are known.
    #[must_use]
    pub const fn mean_in_flight(&self) -> f64 {
        self.mean_in_flight
    }

    /// How far an endpoint has warmed up; see [`Known::warmth`]. Where all are new, as when Envoy has just started, none
    /// is newer than the others, and all are warm.
    #[must_use]
    pub fn warmth(&self, known: &Known, now: Timestamp, warm_up: Duration) -> f64 {
        const TOGETHER: Duration = Duration::from_secs(1);
        if known.since <= self.oldest.plus(TOGETHER) { 1.0 } else { known.warmth(now, warm_up) }
    }

    pub(crate) const fn ring(&self) -> &Ring {
        &self.ring
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Report;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    #[test]
    fn what_follows_from_all_endpoints() {
        let report = |seconds| Some(Report { at: at(seconds), slots: 8, elsewhere: 4, kv_cache_permille: 0 });
        let endpoints = [
            (5, Known { mean_us: Some(900), report: report(9), ..Known::default() }, 2),
            (1, Known { mean_us: Some(700), is_local: false, ..Known::default() }, 0),
            (0, Known { report: report(1), ..Known::default() }, 3),
        ];
        let mut snapshot = Snapshot::default();
        let look = |snapshot: &mut Snapshot, count| {
            let eligible = endpoints.into_iter().take(count);
            let eligible = eligible.map(|(place, known, in_flight)| Eligible { place, known, in_flight });
            snapshot.look(eligible, at(10), Duration::from_secs(5), true);
        };
        look(&mut snapshot, 3);
        assert_eq!((snapshot.local(), snapshot.remote()), (&[5, 0][..], &[1][..]));
        assert_eq!((snapshot.fastest_us(), snapshot.most_slots()), (Some(700), 8));
        assert!((snapshot.mean_in_flight() - 17.0 / 3.0).abs() < 1e-9, "{}", snapshot.mean_in_flight());
        assert_eq!(snapshot.known(0).unwrap().report, None, "too old to be believed");
        assert!(snapshot.ring().from(1).all(|place| place != 1), "affinity stays in the zone");
        let warmth =
            |since| snapshot.warmth(&Known { since, ..Known::default() }, at(10), Duration::from_secs(10));
        assert!(warmth(at(0)) > 0.99 && warmth(at(9)) < 0.2, "as old as the others, and newer");
        snapshot.leave_out(|place| place == 5);
        assert_eq!(snapshot.local(), [0]);
        assert!(!snapshot.is_eligible(5) && snapshot.is_eligible(0) && !snapshot.is_eligible(77));
        look(&mut snapshot, 0);
        assert!(snapshot.is_empty());
        assert_eq!(snapshot.ring().from(1).next(), None);
    }
}
