//! A VM's own copy of a pool: the table as it was at the last look, and the gauges of its places.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_contract::metrics::{self, EndpointGauge, PoolGauge};
use spillway_host::{Gauge, Host, HostError};
use spillway_primitives::Timestamp;
use spillway_routing::score::Load;
use spillway_routing::table::{LabelledBy, Presence, Table};

/// A pool, by its number in this Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolId(pub(crate) usize);

impl PoolId {
    pub(crate) const fn bit(self) -> u32 {
        1 << self.0
    }
}

/// The gauges of one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaceGauges {
    pub(crate) in_flight: Gauge,
    pub(crate) ttft: Gauge,
    pub(crate) failures: Gauge,
}

/// A pool as one VM sees it. Refreshed once a second, so that a decision costs the same with ten endpoints and
/// with a thousand.
#[derive(Debug)]
pub struct View {
    pub(crate) id: PoolId,
    name: String,
    label: String,
    table: Table,
    cas: u32,
    gauges: Vec<PlaceGauges>,
    by_address: BTreeMap<String, u32>,
    eligible: Vec<u32>,
    /// By place: the mean time to first token at the last look, for those that were eligible; 0 is "not known".
    means_us: Vec<u64>,
    fastest_us: Option<u64>,
    refreshed: Gauge,
    booked: Gauge,
    eligible_count: Gauge,
    booked_elsewhere: bool,
}

/// While a filter that books attempts was seen within this time, others leave the books alone.
const BOOKER_IS_RECENT_FOR: Duration = Duration::from_secs(5);

impl View {
    pub(crate) fn new(host: &dyn Host, id: PoolId, name: &str) -> Result<Self, HostError> {
        let label = metrics::label(name);
        let gauge = |which: PoolGauge| Gauge::define(host, &which.name(&label));
        Ok(Self {
            id,
            name: name.to_owned(),
            table: Table::default(),
            cas: 0,
            gauges: Vec::new(),
            by_address: BTreeMap::new(),
            eligible: Vec::new(),
            means_us: Vec::new(),
            fastest_us: None,
            refreshed: gauge(PoolGauge::MembershipRefreshed)?,
            booked: gauge(PoolGauge::AttemptsBooked)?,
            eligible_count: gauge(PoolGauge::Eligible)?,
            booked_elsewhere: false,
            label,
        })
    }

    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The places that may be chosen; empty while the membership is unknown or too old.
    #[must_use]
    pub fn eligible(&self) -> &[u32] {
        &self.eligible
    }

    /// The smallest mean time to first token among the eligible, in microseconds.
    #[must_use]
    pub const fn fastest_us(&self) -> Option<u64> {
        self.fastest_us
    }

    /// Whether another filter books every attempt on this pool.
    #[must_use]
    pub const fn is_booked_elsewhere(&self) -> bool {
        self.booked_elsewhere
    }

    /// The address of a place.
    #[must_use]
    pub fn address(&self, place: u32) -> Option<&str> {
        self.table.places.get(place as usize).map(|place| place.address.as_str())
    }

    /// The place of an address, if this VM knows one.
    #[must_use]
    pub fn place_of(&self, address: &str) -> Option<u32> {
        self.by_address.get(address).copied()
    }

    /// What is known about a place: two reads, whatever the size of the pool. In flight and failures are those of this
    /// moment; the mean time to first token moves slowly and is that of the last look.
    #[must_use]
    pub fn load(&self, host: &dyn Host, place: u32) -> Load {
        let weight = self.table.places.get(place as usize).map_or(1, |place| place.weight);
        let Some(gauges) = self.gauges.get(place as usize) else { return Load { weight, ..Load::default() } };
        Load {
            in_flight: gauges.in_flight.read(host),
            mean_us: self.means_us.get(place as usize).copied().filter(|mean| *mean > 0),
            failure_permille: gauges.failures.read(host),
            weight,
        }
    }

    pub(crate) fn gauges(&self, place: u32) -> Option<PlaceGauges> {
        self.gauges.get(place as usize).copied()
    }

    pub(crate) fn places(&self) -> usize {
        self.gauges.len()
    }

    pub(crate) fn mark_refreshed(&self, host: &dyn Host, now: Timestamp) {
        self.refreshed.set(host, now.as_secs());
    }

    pub(crate) fn mark_booked(&self, host: &dyn Host, now: Timestamp) {
        self.booked.set(host, now.as_secs());
    }

    /// Takes in the table as it stands in shared data.
    pub(crate) fn take_in(&mut self, host: &dyn Host, table: Table, cas: u32) {
        if cas == self.cas {
            return;
        }
        for number in self.gauges.len()..table.places.len() {
            let Some(gauges) = place_gauges(host, &self.label, &table, number) else { break };
            self.gauges.push(gauges);
        }
        self.by_address =
            table.places.iter().zip(0..).map(|(place, number)| (place.address.clone(), number)).collect();
        self.table = table;
        self.cas = cas;
    }

    /// Works out who may be chosen and who is fastest.
    pub(crate) fn look(&mut self, host: &dyn Host, now: Timestamp, membership_lasts: Duration) {
        let refreshed = Timestamp::from_millis(self.refreshed.read(host).saturating_mul(1000));
        let fresh = now.since(refreshed) <= membership_lasts;
        let places = self.table.places.iter().take(self.gauges.len()).zip(0..);
        self.eligible.clear();
        self.eligible.extend(
            places
                .filter(|(place, _)| fresh && place.presence == Presence::Serving)
                .map(|(_, number)| number),
        );
        self.means_us.clear();
        self.means_us.resize(self.gauges.len(), 0);
        for place in &self.eligible {
            if let (Some(mean), Some(gauges)) =
                (self.means_us.get_mut(*place as usize), self.gauges.get(*place as usize))
            {
                *mean = gauges.ttft.read(host);
            }
        }
        self.fastest_us = self.means_us.iter().copied().filter(|mean| *mean > 0).min();
        self.eligible_count.set(host, self.eligible.len() as u64);
        let booked = Timestamp::from_millis(self.booked.read(host).saturating_mul(1000));
        self.booked_elsewhere = now.since(booked) <= BOOKER_IS_RECENT_FOR;
    }

    /// Starts the gauges of a place anew, because another endpoint has it now.
    pub(crate) fn start_anew(&self, host: &dyn Host, place: usize) {
        let Some(gauges) = self.gauges.get(place) else { return };
        gauges.ttft.set(host, 0);
        gauges.failures.set(host, 0);
        let Some(owner) = self.table.places.get(place) else { return };
        if owner.labelled_by == LabelledBy::Number
            && let Some(label) = self.table.label(place)
            && let Ok(gauge) = Gauge::define(host, &EndpointGauge::Address.name(&self.label, &label))
        {
            gauge.set(host, ipv4_and_port(&owner.address));
        }
    }
}

fn place_gauges(host: &dyn Host, pool: &str, table: &Table, number: usize) -> Option<PlaceGauges> {
    let label = table.label(number)?;
    let gauge = |which: EndpointGauge| Gauge::define(host, &which.name(pool, &label)).ok();
    Some(PlaceGauges {
        in_flight: gauge(EndpointGauge::InFlight)?,
        ttft: gauge(EndpointGauge::TimeToFirstToken)?,
        failures: gauge(EndpointGauge::Failures)?,
    })
}

fn ipv4_and_port(address: &str) -> u64 {
    match address.parse() {
        Ok(std::net::SocketAddr::V4(v4)) => (u64::from(u32::from(*v4.ip())) << 16) | u64::from(v4.port()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_into_a_gauge() {
        assert_eq!(ipv4_and_port("127.0.0.1:8001"), (0x7f00_0001 << 16) | 8001);
        assert_eq!(ipv4_and_port("[::1]:8001"), 0);
    }
}
