//! The set of open circuits of a pool, in shared data, and the limit on it.

use spillway_breaker::Isolated;
use spillway_contract::record;
use spillway_host::{Host, Slot, Updated};

use crate::keys;

const VERSION: u8 = 1;

/// Takes in a circuit if the limit allows; false if it does not, or nobody knows.
pub(crate) fn admit(
    host: &dyn Host,
    pool: usize,
    (place, model): (u32, u32),
    members: usize,
    max_percent: u32,
) -> bool {
    let mut admitted = false;
    let updated = change(host, pool, |isolated| {
        admitted = isolated.admit(place, model, members, max_percent);
    });
    updated && admitted
}

/// Lets a circuit go.
pub(crate) fn release(host: &dyn Host, pool: usize, (place, model): (u32, u32)) {
    change(host, pool, |isolated| {
        isolated.release(place, model);
    });
}

/// Keeps the circuits for which `keep` holds; how many are left, and whether any was let go.
pub(crate) fn retain(host: &dyn Host, pool: usize, keep: impl Fn(u32, u32) -> bool) -> (usize, bool) {
    let (mut left, mut changed) = (0, false);
    change(host, pool, |isolated| {
        changed = isolated.retain(&keep);
        left = isolated.len();
    });
    (left, changed)
}

fn change(host: &dyn Host, pool: usize, mut change: impl FnMut(&mut Isolated)) -> bool {
    let updated = Slot::new(keys::isolated(pool)).update(host, |bytes| {
        let before: Isolated = record::decode(VERSION, bytes).ok()?;
        let mut after = before.clone();
        change(&mut after);
        if after == before { None } else { record::encode(VERSION, &after).ok() }
    });
    matches!(updated, Ok(Updated::Written | Updated::Kept))
}
