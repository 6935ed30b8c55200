//! A VM's own copy of a pool: the table as it was at the last look, the gauges of its places, the circuits as they
//! were at the last change.

mod circuits;
mod gauges;
mod look;

use std::collections::BTreeMap;

use spillway_breaker::Policy;
use spillway_contract::metrics::{self, PoolGauge};
use spillway_host::{Gauge, Host, HostError};
use spillway_primitives::Timestamp;
use spillway_routing::decision::Live;
use spillway_routing::snapshot::Snapshot;
use spillway_routing::table::{Presence, Table};

use crate::circuits::Scope;
use crate::circuits::record::Circuits;
pub(crate) use gauges::PlaceGauges;

/// A pool, by its number in this Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolId(pub(crate) usize);

impl PoolId {
    /// Its number, the same in all VMs of the process; at most 15.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }

    pub(crate) const fn bit(self) -> u32 {
        1 << self.0
    }
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
    /// By place: a hash of the address.
    keys: Vec<u64>,
    gauges: Vec<PlaceGauges>,
    by_address: BTreeMap<String, u32>,
    /// Places whose endpoint belongs to the pool and is healthy, whatever its circuit; empty while the membership is
    /// unknown or too old.
    serving: Vec<u32>,
    snapshot: Snapshot,
    circuits: Circuits,
    /// The last value of the gauge that moves with every change of a circuit.
    circuits_seen: Option<u64>,
    policy: Option<Policy>,
    refreshed: Gauge,
    booked: Gauge,
    eligible_count: Gauge,
    isolated: Gauge,
    circuit_changes: Gauge,
    booked_elsewhere: bool,
}

impl View {
    pub(crate) fn new(host: &dyn Host, id: PoolId, name: &str) -> Result<Self, HostError> {
        let label = metrics::label(name);
        let gauge = |which: PoolGauge| Gauge::define(host, &which.name(&label));
        Ok(Self {
            id,
            name: name.to_owned(),
            table: Table::default(),
            cas: 0,
            keys: Vec::new(),
            gauges: Vec::new(),
            by_address: BTreeMap::new(),
            serving: Vec::new(),
            snapshot: Snapshot::default(),
            circuits: Circuits::new(),
            circuits_seen: None,
            policy: None,
            refreshed: gauge(PoolGauge::MembershipRefreshed)?,
            booked: gauge(PoolGauge::AttemptsBooked)?,
            eligible_count: gauge(PoolGauge::Eligible)?,
            isolated: gauge(PoolGauge::Isolated)?,
            circuit_changes: gauge(PoolGauge::CircuitChanges)?,
            booked_elsewhere: false,
            label,
        })
    }

    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The endpoints that may be chosen; none while the membership is unknown or too old.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The endpoints that belong to the pool and are healthy, whatever their circuits.
    #[must_use]
    pub fn serving(&self) -> &[u32] {
        &self.serving
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

    /// What changes from one request to the next about a place: two reads, whatever the size of the pool, and one more where
    /// others were seen to have requests.
    #[must_use]
    pub fn live(&self, host: &dyn Host, place: u32, scope: Scope) -> Live {
        let Some(gauges) = self.gauges.get(place as usize) else { return Live::default() };
        Live {
            in_flight: gauges.in_flight.read(host),
            elsewhere: (self.snapshot.elsewhere(place).usual > 0.0)
                .then(|| gauges.reported.elsewhere.read(host)),
            failure_permille: gauges.failures.read(host),
            isolated: self.is_isolated(place, scope),
        }
    }

    /// How many endpoints the pool has, as far as is known: those that serve, and those that were only seen.
    pub(crate) fn members(&self) -> usize {
        let present = |presence| matches!(presence, Presence::Serving | Presence::Seen);
        self.table.places.iter().filter(|place| present(place.presence)).count()
    }

    /// Places whose endpoint belongs to the pool and is healthy, as the table says.
    pub(crate) fn members_that_serve(&self) -> impl Iterator<Item = u32> {
        let places = (0..).zip(&self.table.places);
        places.filter(|(_, place)| place.presence == Presence::Serving).map(|(number, _)| number)
    }

    /// Whether a place has an endpoint.
    pub(crate) fn is_present(&self, place: u32) -> bool {
        let presence = self.table.places.get(place as usize).map(|place| place.presence);
        presence.is_some_and(|presence| !matches!(presence, Presence::Gone { .. }))
    }

    pub(crate) fn gauges(&self, place: u32) -> Option<PlaceGauges> {
        self.gauges.get(place as usize).copied()
    }

    pub(crate) const fn places(&self) -> usize {
        self.gauges.len()
    }

    pub(crate) const fn isolated(&self) -> Gauge {
        self.isolated
    }

    pub(crate) const fn circuit_changes(&self) -> Gauge {
        self.circuit_changes
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
            let Some(gauges) = PlaceGauges::define(host, &self.label, &table, number) else { break };
            self.gauges.push(gauges);
        }
        self.by_address =
            table.places.iter().zip(0..).map(|(place, number)| (place.address.clone(), number)).collect();
        self.keys = table.places.iter().map(|place| look::key(&place.address)).collect();
        self.table = table;
        self.cas = cas;
    }
}
