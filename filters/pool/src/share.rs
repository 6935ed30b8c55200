//! What this VM has in flight and would owe if it trapped: its shares, under a lease.
//!
//! A VM that traps takes its contexts with it, and the decrements that they owed never come. So each VM that books
//! has a number, a lease on that number, and a value in shared data per block of places that says what it has in
//! flight there. The value is written with every change, right beside the gauge, so it is exact at any moment in
//! which the module can trap. Whoever finds the lease run out takes the shares back ([`crate::repair`]).
//!
//! A VM that was merely slow must not count under a lease that others may have taken: before it touches a gauge it
//! makes sure that the lease has a second left, and renews it if not. If it was taken, the VM gets a new number and
//! puts everything that it still has in flight back into the gauges.

use std::time::Duration;

use spillway_host::{Hold, Host, Lease};
use spillway_primitives::Timestamp;

use crate::keys::{self, BLOCK};

/// How long a lease lasts without being renewed; it is renewed once a second.
pub(crate) const LEASE: Duration = Duration::from_secs(4);
/// A VM stops counting this long before its lease runs out.
const MARGIN: Duration = Duration::from_secs(1);

/// What a VM has in flight in one block of a pool's places.
#[derive(Clone, Debug)]
struct Block {
    key: String,
    counts: [u32; BLOCK],
}

/// The shares of one VM.
#[derive(Debug)]
pub(crate) struct Shares {
    number: usize,
    lease: Lease,
    safe_until: Timestamp,
    /// By pool, then by block.
    blocks: Vec<Vec<Block>>,
}

impl Shares {
    /// Takes a number for this VM; `None` when all are taken.
    pub(crate) fn take(host: &dyn Host, holder: u64, now: Timestamp) -> Option<Self> {
        let (number, lease) = free_number(host, holder, now)?;
        Some(Self { number, lease, safe_until: safe_until(now), blocks: Vec::new() })
    }

    /// Renews the lease. False when it was taken over in between: then the shares were taken out of the gauges.
    pub(crate) fn renew(&mut self, host: &dyn Host, now: Timestamp) -> bool {
        let renewed = self.lease.renew(host, now, LEASE).unwrap_or(false);
        if renewed {
            self.safe_until = safe_until(now);
        }
        renewed
    }

    /// Whether counting is safe without renewing first.
    pub(crate) fn is_safe(&self, now: Timestamp) -> bool {
        now < self.safe_until
    }

    /// Takes a new number after the old one was lost. What was in flight stays in the counts; the caller puts it
    /// back into the gauges.
    pub(crate) fn start_over(&mut self, host: &dyn Host, holder: u64, now: Timestamp) -> bool {
        let Some((number, lease)) = free_number(host, holder, now) else { return false };
        self.number = number;
        self.lease = lease;
        self.safe_until = safe_until(now);
        for (pool, blocks) in self.blocks.iter_mut().enumerate() {
            for (at, block) in blocks.iter_mut().enumerate() {
                block.key = keys::share(number, pool, at);
                write(host, block);
            }
        }
        true
    }

    /// One more in flight at a place. Not written down yet.
    pub(crate) fn raise(&mut self, pool: usize, place: u32) {
        if self.blocks.len() <= pool {
            self.blocks.resize_with(pool + 1, Vec::new);
        }
        let Some(blocks) = self.blocks.get_mut(pool) else { return };
        while blocks.len() <= place as usize / BLOCK {
            let key = keys::share(self.number, pool, blocks.len());
            blocks.push(Block { key, counts: [0; BLOCK] });
        }
        if let Some(count) = self.count_mut(pool, place) {
            *count = count.saturating_add(1);
        }
    }

    /// One fewer in flight at a place. Not written down yet.
    pub(crate) fn lower(&mut self, pool: usize, place: u32) {
        if let Some(count) = self.count_mut(pool, place) {
            *count = count.saturating_sub(1);
        }
    }

    /// Writes down what is in flight around a place. Only while the lease is safe: the key is its holder's.
    pub(crate) fn write(&self, host: &dyn Host, pool: usize, place: u32) {
        if let Some(block) = self.blocks.get(pool).and_then(|blocks| blocks.get(place as usize / BLOCK)) {
            write(host, block);
        }
    }

    fn count_mut(&mut self, pool: usize, place: u32) -> Option<&mut u32> {
        let block = self.blocks.get_mut(pool)?.get_mut(place as usize / BLOCK)?;
        block.counts.get_mut(place as usize % BLOCK)
    }

    /// Everything that is in flight, as (pool, place, count).
    pub(crate) fn in_flight(&self) -> Vec<(usize, u32, u32)> {
        let mut all = Vec::new();
        for (pool, blocks) in self.blocks.iter().enumerate() {
            for (block, at) in blocks.iter().zip(0u32..) {
                all.extend(non_zero(&block.counts, at).map(|(place, count)| (pool, place, count)));
            }
        }
        all
    }
}

/// What the VM with that number had in flight in one block, as (place, count).
pub(crate) fn read(host: &dyn Host, vm: usize, pool: usize, block: u32) -> Vec<(u32, u32)> {
    let Ok(Some(value)) = host.shared(&keys::share(vm, pool, block as usize)) else { return Vec::new() };
    let mut counts = [0; BLOCK];
    for (count, bytes) in counts.iter_mut().zip(value.bytes.chunks_exact(4)) {
        *count = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
    }
    non_zero(&counts, block).collect()
}

/// Takes one place's count off what a VM has written down.
pub(crate) fn forget(host: &dyn Host, vm: usize, pool: usize, place: u32) {
    let key = keys::share(vm, pool, place as usize / BLOCK);
    let Ok(Some(mut value)) = host.shared(&key) else { return };
    if let Some(bytes) = value.bytes.chunks_exact_mut(4).nth(place as usize % BLOCK) {
        bytes.fill(0);
        host.set_shared(&key, &value.bytes, None).ok();
    }
}

fn non_zero(counts: &[u32; BLOCK], block: u32) -> impl Iterator<Item = (u32, u32)> {
    let first = block.saturating_mul(u32::try_from(BLOCK).unwrap_or(u32::MAX));
    let places: Vec<_> = (first..).zip(*counts).filter(|(_, count)| *count > 0).collect();
    places.into_iter()
}

/// Only the holder of the VM's lease writes this key, so there is nothing to compare.
fn write(host: &dyn Host, block: &Block) {
    let mut bytes = [0; BLOCK * 4];
    for (bytes, count) in bytes.chunks_exact_mut(4).zip(block.counts) {
        bytes.copy_from_slice(&count.to_le_bytes());
    }
    host.set_shared(&block.key, &bytes, None).ok();
}

/// The first number that is nobody's. One whose holder let it run out still has shares to be taken back.
fn free_number(host: &dyn Host, holder: u64, now: Timestamp) -> Option<(usize, Lease)> {
    (0..keys::MAX_VMS).find_map(|number| {
        let lease = Lease::new(keys::vm(number), holder);
        if lease.has_run_out(host, now).unwrap_or(true) {
            return None;
        }
        match lease.hold(host, now, LEASE) {
            Ok(Hold::Taken | Hold::Renewed) => Some((number, lease)),
            _ => None,
        }
    })
}

fn safe_until(now: Timestamp) -> Timestamp {
    now.plus(LEASE.saturating_sub(MARGIN))
}
