//! Which pool has which number: a fixed row of table keys, each claimed by a pool's name.
//!
//! All keys are created on configuration, in one thread and before there is traffic, because two threads that
//! create one key at the same time would both succeed. A pool then takes the first key that is free, by
//! compare-and-swap; since everybody takes the first, one name can never have two.

use spillway_host::{Host, HostError, Lease, Slot};
use spillway_primitives::Timestamp;
use spillway_routing::membership::Member;
use spillway_routing::table::{Applied, Bounds, Table, TableFull};

use crate::keys;

/// Makes every key that is changed by compare-and-swap. Only on configuration.
pub(crate) fn create(host: &dyn Host, bounds: Bounds) -> Result<(), HostError> {
    for pool in 0..keys::MAX_POOLS {
        Slot::new(keys::table(pool)).create(host)?;
        Slot::new(keys::isolated(pool)).create(host)?;
        // Addresses, and as many numbers.
        let blocks = bounds.max_endpoints.saturating_mul(2).div_ceil(keys::BLOCK);
        (0..blocks).try_for_each(|block| Slot::new(keys::circuits(pool, block)).create(host))?;
    }
    (0..keys::MAX_VMS).try_for_each(|vm| Slot::new(keys::vm(vm)).create(host))?;
    Slot::new(keys::HOLDERS).create(host)?;
    Lease::new(keys::REPAIR, 1).create(host)
}

/// A number that no other VM of this process has or had; never 0.
pub(crate) fn next_holder(host: &dyn Host) -> Result<u64, HostError> {
    let mut next = 0;
    Slot::new(keys::HOLDERS).update(host, |bytes| {
        let last = bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        next = last.wrapping_add(1).max(1);
        Some(next.to_le_bytes().to_vec())
    })?;
    Ok(next)
}

/// The table of the pool with that number; `None` where the key is missing or another release wrote it.
pub(crate) fn read(host: &dyn Host, pool: usize) -> Option<(Table, u32)> {
    let value = Slot::new(keys::table(pool)).read(host).ok()?;
    match Table::decode(&value.bytes) {
        Ok(table) => Some((table, value.cas)),
        Err(error) => {
            log::warn!("pool {pool} is left alone: {error}");
            None
        }
    }
}

/// The number of the pool of that name, claimed now if it has none; `None` when all numbers are taken.
pub(crate) fn claim_pool(host: &dyn Host, name: &str) -> Option<usize> {
    for pool in 0..keys::MAX_POOLS {
        let mut ours = false;
        let updated = Slot::new(keys::table(pool)).update(host, |bytes| {
            let table = Table::decode(bytes).ok()?;
            ours = table.pool == name || table.pool.is_empty();
            if !table.pool.is_empty() {
                return None;
            }
            Table { pool: name.to_owned(), ..Table::default() }.encode().ok()
        });
        if updated.is_ok() && ours {
            return Some(pool);
        }
    }
    None
}

/// Makes `members` the membership of a pool; writes only when something is different.
pub(crate) fn apply(
    host: &dyn Host,
    pool: usize,
    members: &[Member],
    now: Timestamp,
    bounds: Bounds,
    idle: impl Fn(usize) -> bool,
) -> Result<Applied, HostError> {
    let mut applied = Applied::default();
    Slot::new(keys::table(pool)).update(host, |bytes| {
        let mut table = Table::decode(bytes).ok()?;
        applied = table.apply(members, now, bounds, &idle);
        if applied.changed { table.encode().ok() } else { None }
    })?;
    Ok(applied)
}

/// The place of `address` in a pool, claimed now if it has none.
pub(crate) fn claim_place(
    host: &dyn Host,
    pool: usize,
    address: &str,
    now: Timestamp,
    bounds: Bounds,
    idle: impl Fn(usize) -> bool,
) -> Result<usize, TableFull> {
    let mut claimed = Err(TableFull);
    let updated = Slot::new(keys::table(pool)).update(host, |bytes| {
        let mut table = Table::decode(bytes).ok()?;
        claimed = table.claim(address, now, bounds, &idle);
        if claimed.is_ok() { table.encode().ok() } else { None }
    });
    if updated.is_err() {
        return Err(TableFull);
    }
    claimed
}
