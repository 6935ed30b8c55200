//! Once a second one VM sees to it that what is said of circuits in several places agrees with their records: a VM can
//! trap between writing one and the other.

use std::collections::BTreeSet;

use spillway_breaker::State;
use spillway_host::Slot;

use super::{WHOLE, isolation};
use crate::{PoolId, Pools, keys};

/// Circuits that were counted as isolated without being open, at the last look.
pub(crate) type Suspects = BTreeSet<(usize, u32, u32)>;

/// Puts right what is said of the circuits of a pool.
pub(crate) fn pool(pools: &Pools, pool: PoolId, suspects: &Suspects) -> Suspects {
    let (Some(view), host) = (pools.view(pool), &*pools.host) else { return Suspects::new() };
    let mut again = Suspects::new();
    if Slot::new(keys::isolated(pool.0)).read(host).is_ok_and(|value| value.bytes.is_empty()) {
        // Nothing has ever opened.
        return again;
    }
    // A circuit is counted first and opened in the next breath: only who is found twice is let go.
    let stale = |place, model| !view.is_present(place) || view.circuit(place, model) == State::Closed;
    let found = std::cell::RefCell::new(&mut again);
    let (left, changed) = isolation::retain(host, pool.0, |place, model| {
        let key = (pool.0, place, model);
        let stale = stale(place, model);
        if stale {
            found.borrow_mut().insert(key);
        }
        !(stale && suspects.contains(&key))
    });
    view.isolated().set(host, left as u64);
    for (place, state) in view.known_circuits(WHOLE) {
        if let Some(gauges) = view.gauges(place)
            && gauges.circuit.read(host) != state.as_gauge()
        {
            gauges.circuit.set(host, state.as_gauge());
        }
    }
    if changed {
        pools.bump(pool);
    }
    again
}
