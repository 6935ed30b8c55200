//! Taking back what VMs that are gone still owe to the gauges.
//!
//! One VM at a time looks, once a second. A VM's lease that has run out is taken over, so that two cannot take the
//! same shares back; then each share is lowered out of its gauge and forgotten in the next breath, so that a repair
//! which traps half-way is finished by the next one and nothing is taken twice.
//!
//! A gauge that is below zero says that something was counted down twice, which the order of things above rules out.
//! Should it happen all the same, the gauge is raised to zero and that is counted.

use std::time::Duration;

use spillway_host::{Hold, Lease};
use spillway_primitives::Timestamp;

use crate::circuits::reconcile;
use crate::keys::{self, BLOCK};
use crate::share::{self, LEASE};
use crate::{Pools, View};

/// How long the one who looks keeps at it without saying so again.
const TURN: Duration = Duration::from_secs(3);

/// One look, if it is this VM's turn.
pub(crate) fn tick(pools: &mut Pools, now: Timestamp) {
    if look_after(pools, now) {
        let known: Vec<_> = pools.views().map(|view| view.id).collect();
        let suspects = known.into_iter().flat_map(|pool| reconcile::pool(pools, pool, &pools.suspects));
        pools.suspects = suspects.collect();
    }
}

/// Takes back what VMs that are gone still owe; false if it is not this VM's turn.
fn look_after(pools: &Pools, now: Timestamp) -> bool {
    let host = &*pools.host;
    let turn = Lease::new(keys::REPAIR, pools.holder);
    if !turn.hold(host, now, TURN).is_ok_and(Hold::is_held) {
        return false;
    }
    for vm in 0..keys::MAX_VMS {
        let lease = Lease::new(keys::vm(vm), pools.holder);
        if lease.is_untouched(host).unwrap_or(true) {
            break;
        }
        if lease.has_run_out(host, now).unwrap_or(false)
            && lease.hold(host, now, LEASE).is_ok_and(|hold| hold == Hold::TakenOver)
        {
            take_back(pools, vm);
            lease.release(host).ok();
        }
    }
    pools.views().for_each(|view| raise_to_zero(pools, view));
    true
}

fn take_back(pools: &Pools, vm: usize) {
    let host = &*pools.host;
    let mut total = 0;
    for view in pools.views() {
        let pool = view.id.0;
        let blocks = u32::try_from(view.places().div_ceil(BLOCK)).unwrap_or(u32::MAX);
        for (place, count) in (0..blocks).flat_map(|block| share::read(host, vm, pool, block)) {
            if let Some(gauges) = view.gauges(place) {
                gauges.in_flight.add(host, -i64::from(count)).ok();
                share::forget(host, vm, pool, place);
                total += count;
            }
        }
    }
    if total > 0 {
        pools.counters.repaired.add(host, total);
        log::warn!("{total} attempts of a vm that is gone were taken back");
    }
}

fn raise_to_zero(pools: &Pools, view: &View) {
    let host = &*pools.host;
    for place in 0..u32::try_from(view.places()).unwrap_or(u32::MAX) {
        let Some(gauges) = view.gauges(place) else { continue };
        let deficit = gauges.in_flight.deficit(host);
        if deficit > 0 {
            gauges.in_flight.add(host, i64::try_from(deficit).unwrap_or(i64::MAX)).ok();
            pools.counters.below_zero.add(host, u32::try_from(deficit).unwrap_or(u32::MAX));
            log::warn!("{deficit} too many were counted down on pool {}", view.name());
        }
    }
}
