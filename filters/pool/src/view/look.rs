//! Working out, once a second, who may be chosen and what is known about them.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_breaker::State;
use spillway_host::{Gauge, Host};
use spillway_primitives::{Timestamp, rng_from};
use spillway_routing::known::{Known, Report};
use spillway_routing::snapshot::Eligible;
use spillway_routing::table::{Place, Presence};

use super::{PlaceGauges, View};
use crate::Settings;
use crate::circuits::{Scope, WHOLE};
use crate::settings::Choice;

/// While a filter that books attempts was seen within this time, others leave the books alone.
const BOOKER_IS_RECENT_FOR: Duration = Duration::from_secs(5);

impl View {
    /// Works out who may be chosen, from the table and the circuits as they were taken in last.
    pub(crate) fn look(&mut self, host: &dyn Host, now: Timestamp, settings: &Settings) {
        let recently = |gauge: Gauge, lasts| {
            now.since(Timestamp::from_millis(gauge.read(host).saturating_mul(1000))) <= lasts
        };
        self.booked_elsewhere = recently(self.booked, BOOKER_IS_RECENT_FOR);
        self.follow_circuits(host);
        let Some(choice) = &settings.choice else { return };
        let fresh = recently(self.refreshed, settings.membership_lasts);
        self.serving.clear();
        let places = self.table.places.iter().take(self.gauges.len()).zip(0..);
        self.serving.extend(
            places
                .filter(|(place, _)| fresh && place.presence == Presence::Serving)
                .map(|(_, number)| number),
        );
        let Self { table, keys, gauges, serving, circuits, snapshot, .. } = self;
        let zones = zones(&table.places);
        let eligible = serving.iter().filter_map(|number| {
            let (place, gauges) = (table.places.get(*number as usize)?, gauges.get(*number as usize)?);
            let circuit = circuits.get(&(*number, WHOLE));
            if circuit.is_some_and(|circuit| circuit.state() != State::Closed) {
                return None;
            }
            let since = circuit.map_or(place.since, |circuit| place.since.max(circuit.since()));
            let known = Known {
                key: keys.get(*number as usize).copied().unwrap_or(0),
                zone: zones.get(place.zone.as_str()).copied().unwrap_or(0),
                is_local: is_local(place, choice),
                weight: place.weight,
                mean_us: Some(gauges.ttft.read(host)).filter(|mean| *mean > 0),
                since,
                report: report(host, gauges),
            };
            Some(Eligible { place: *number, known, in_flight: gauges.in_flight.read(host) })
        });
        snapshot.look(eligible, now, settings.report_lasts, choice.affinity);
        self.eligible_count.set(host, self.snapshot.len() as u64);
    }

    /// Whether an endpoint may not be given requests of that scope.
    #[must_use]
    pub fn is_isolated(&self, place: u32, scope: Scope) -> bool {
        // Most of the time nothing has failed anywhere.
        !self.circuits.is_empty() && scope.models().any(|model| self.circuit(place, model) != State::Closed)
    }
}

/// Zones get numbers by their names, for comparing; where a pool has more than fit, the last ones share one.
fn zones(places: &[Place]) -> BTreeMap<&str, u16> {
    let mut zones = BTreeMap::new();
    for place in places {
        let next = u16::try_from(zones.len()).unwrap_or(u16::MAX);
        zones.entry(place.zone.as_str()).or_insert(next);
    }
    zones
}

/// Where this Envoy has no zone, or the endpoint has none, everybody is near.
fn is_local(place: &Place, choice: &Choice) -> bool {
    choice.zone.is_empty() || place.zone.is_empty() || place.zone == choice.zone
}

fn report(host: &dyn Host, gauges: &PlaceGauges) -> Option<Report> {
    let reported = gauges.reported;
    let at = reported.at.read(host);
    if at == 0 {
        return None;
    }
    let number = |gauge: Gauge| u32::try_from(gauge.read(host)).unwrap_or(u32::MAX);
    Some(Report {
        at: Timestamp::from_millis(at),
        slots: number(reported.slots),
        elsewhere: number(reported.elsewhere),
        kv_cache_permille: u16::try_from(reported.kv_cache.read(host)).unwrap_or(u16::MAX),
    })
}

/// A hash of an address that is the same in every Envoy.
pub(super) fn key(address: &str) -> u64 {
    let words = address
        .as_bytes()
        .chunks(8)
        .map(|bytes| bytes.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte)));
    rng_from(&words.collect::<Vec<_>>()).u64(..)
}
