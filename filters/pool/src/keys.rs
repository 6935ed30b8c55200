//! Every key of shared data that the books use. Keys can never be removed, so each family is bounded here.

/// Pools in one Envoy; at most 32, for a set of them is a `u32`.
pub(crate) const MAX_POOLS: usize = 16;
/// VMs that keep books in one Envoy: Envoy workers times filters that book.
pub(crate) const MAX_VMS: usize = 256;
/// Places whose shares travel in one value.
pub(crate) const BLOCK: usize = 32;

/// The endpoint table of the pool with that number.
pub(crate) fn table(pool: usize) -> String {
    format!("spillway/pool/{pool}")
}

/// The lease of the VM with that number.
pub(crate) fn vm(number: usize) -> String {
    format!("spillway/vm/{number}")
}

/// What the VM with that number has in flight in one block of a pool's places.
pub(crate) fn share(vm: usize, pool: usize, block: usize) -> String {
    format!("spillway/share/{vm}/{pool}/{block}")
}

/// The circuits of one block of a pool's places.
pub(crate) fn circuits(pool: usize, block: usize) -> String {
    format!("spillway/circuits/{pool}/{block}")
}

/// Which circuits of a pool are open, all together.
pub(crate) fn isolated(pool: usize) -> String {
    format!("spillway/isolated/{pool}")
}

/// What the operator set about the circuits of a pool, for filters that send probes.
pub(crate) fn circuit_policy(pool: usize) -> String {
    format!("spillway/circuit-policy/{pool}")
}

/// The lease of whoever looks for VMs that are gone.
pub(crate) const REPAIR: &str = "spillway/lease/repair";

/// How many VMs there ever were: the next one's identity.
pub(crate) const HOLDERS: &str = "spillway/holders";
