//! Circuits in shared data: one value for a block of places, with the circuits in it that are worth remembering.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_breaker::Circuit;
use spillway_contract::record;
use spillway_host::{Host, Slot};
use spillway_primitives::Timestamp;

use crate::keys::{self, BLOCK};

const VERSION: u8 = 1;

/// How long a circuit is remembered after it closed: longer than any endpoint warms up.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(600);

/// Circuits in one value, at most: names of models come from clients.
const MAX_CIRCUITS: usize = 8 * BLOCK;

/// Circuits by (place, model).
pub(crate) type Circuits = BTreeMap<(u32, u32), Circuit>;

/// The circuits of one block. None, where another release wrote them.
pub(crate) fn read(host: &dyn Host, pool: usize, block: usize) -> Circuits {
    let value = Slot::new(keys::circuits(pool, block)).read(host);
    value.ok().and_then(|value| record::decode(VERSION, &value.bytes).ok()).unwrap_or_default()
}

/// Changes one circuit. `None` when it cannot be kept: too many are, another release wrote them, or the host refuses.
///
/// `change` may run more than once.
pub(crate) fn change<T>(
    host: &dyn Host,
    pool: usize,
    (place, model): (u32, u32),
    now: Timestamp,
    mut change: impl FnMut(&mut Circuit) -> T,
) -> Option<T> {
    let mut result = None;
    let slot = Slot::new(keys::circuits(pool, place as usize / BLOCK));
    let updated = slot.update(host, |bytes| {
        result = None;
        let mut circuits: Circuits = record::decode(VERSION, bytes).ok()?;
        let before = circuits.remove(&(place, model));
        let mut circuit = before.clone().unwrap_or_default();
        result = Some(change(&mut circuit));
        if before.as_ref().map_or(circuit == Circuit::default(), |before| *before == circuit) {
            return None;
        }
        circuits.retain(|_, circuit| !circuit.is_forgettable(now, REMEMBERED));
        if circuits.len() >= MAX_CIRCUITS {
            result = None;
            return None;
        }
        if !circuit.is_forgettable(now, REMEMBERED) {
            circuits.insert((place, model), circuit);
        }
        record::encode(VERSION, &circuits).ok()
    });
    updated.ok().and(result)
}

/// Forgets every circuit of a place, because another endpoint has it now.
pub(crate) fn forget(host: &dyn Host, pool: usize, place: u32) {
    let slot = Slot::new(keys::circuits(pool, place as usize / BLOCK));
    let forgotten = slot.update(host, |bytes| {
        let mut circuits: Circuits = record::decode(VERSION, bytes).ok()?;
        let before = circuits.len();
        circuits.retain(|(of, _), _| *of != place);
        if circuits.len() == before { None } else { record::encode(VERSION, &circuits).ok() }
    });
    if let Err(error) = forgotten {
        log::warn!("the circuits of a place that was handed on cannot be forgotten: {error}");
    }
}
