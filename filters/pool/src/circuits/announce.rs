//! Telling others that a circuit has changed: filters by a gauge, people by metrics and the log.

use std::collections::BTreeMap;

use spillway_breaker::{Change, Fault, ResetReason, State, TripReason};
use spillway_contract::metrics::filter_metric;
use spillway_host::{Counter, Host, HostError};

use super::scope;
use super::{WHOLE, isolation};
use crate::{PoolId, Pools};

/// How often circuits opened and closed, by reason.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    trips: BTreeMap<TripReason, Counter>,
    resets: BTreeMap<ResetReason, Counter>,
    spared: Counter,
    watched: Counter,
}

impl Counters {
    pub(crate) fn define(host: &dyn Host) -> Result<Self, HostError> {
        let counter = |noun: &str| Counter::define(host, &filter_metric("circuit-breaker", noun));
        let trips = TripReason::ALL
            .into_iter()
            .map(|reason| Ok((reason, counter(&format!("trips_{}_total", reason.as_str()))?)));
        let resets = ResetReason::ALL
            .into_iter()
            .map(|reason| Ok((reason, counter(&format!("resets_{}_total", reason.as_str()))?)));
        Ok(Self {
            trips: trips.collect::<Result<_, HostError>>()?,
            resets: resets.collect::<Result<_, HostError>>()?,
            spared: counter("trips_spared_total")?,
            watched: counter("trips_observed_total")?,
        })
    }
}

impl Pools {
    /// A circuit opened or closed.
    pub(super) fn announce(&mut self, pool: PoolId, key: (u32, u32), change: Change, fault: Option<Fault>) {
        let (place, model) = key;
        let circuits = &self.counters.circuits;
        let counter = match change {
            _ if scope::is_watching(model) => Some(circuits.watched),
            Change::Tripped { reason, .. } => circuits.trips.get(&reason).copied(),
            Change::Reset(reason) => circuits.resets.get(&reason).copied(),
        };
        counter.into_iter().for_each(|counter| counter.add(&*self.host, 1));
        self.release(pool, key, change);
        self.log(pool, key, change, fault);
        let state = match change {
            Change::Tripped { .. } => State::Open,
            Change::Reset(_) => State::Closed,
        };
        self.show(pool, place, model, state);
        self.bump(pool);
    }

    /// A circuit lets a probe go.
    pub(super) fn half_opened(&mut self, pool: PoolId, (place, model): (u32, u32)) {
        self.show(pool, place, model, State::HalfOpen);
        self.bump(pool);
    }

    /// A circuit should have opened, and too many are open already.
    pub(super) fn spared(&self, pool: PoolId, place: u32, reason: TripReason) {
        self.counters.circuits.spared.add(&*self.host, 1);
        if let Some(view) = self.view(pool) {
            log::debug!(
                "pool {}: {} stays in in spite of {}: too many endpoints are isolated",
                view.name(),
                view.address(place).unwrap_or_default(),
                reason.as_str()
            );
        }
    }

    /// Everybody looks at the circuits of the pool with its next request.
    pub(super) fn bump(&self, pool: PoolId) {
        if let Some(view) = self.view(pool) {
            view.circuit_changes().add(&*self.host, 1).ok();
        }
    }

    fn show(&self, pool: PoolId, place: u32, model: u32, state: State) {
        let Some(view) = self.view(pool) else { return };
        if let Some(gauges) = view.gauges(place).filter(|_| model == WHOLE) {
            gauges.circuit.set(&*self.host, state.as_gauge());
        }
        let (isolated, _) = isolation::retain(&*self.host, pool.0, |_, _| true);
        view.isolated().set(&*self.host, isolated as u64);
    }

    fn log(&self, pool: PoolId, (place, model): (u32, u32), change: Change, fault: Option<Fault>) {
        let Some(view) = self.view(pool) else { return };
        let (name, address) = (view.name(), view.address(place).unwrap_or_default());
        let of = match model {
            WHOLE => "",
            _ if scope::is_watching(model) => " (observed only)",
            _ => " for one model",
        };
        match (change, fault) {
            (Change::Tripped { reason, lasts }, Some(fault)) => log::warn!(
                "pool {name}: the circuit of {address}{of} opened for {:.1} s: {}, last: {fault}",
                lasts.as_secs_f64(),
                reason.as_str()
            ),
            (Change::Tripped { reason, lasts }, None) => log::warn!(
                "pool {name}: the circuit of {address}{of} opened for {:.1} s: {}",
                lasts.as_secs_f64(),
                reason.as_str()
            ),
            (Change::Reset(reason), _) => {
                log::info!("pool {name}: the circuit of {address}{of} closed: {}", reason.as_str());
            }
        }
    }
}
