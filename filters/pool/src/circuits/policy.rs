//! What the operator set about the circuits of a pool, left by the filter that keeps them for those that send probes.

use spillway_breaker::Policy;
use spillway_contract::record;
use spillway_host::Host;

use crate::keys;

const VERSION: u8 = 1;

/// The policy; `None` where no filter keeps circuits, or one of another release does.
pub(crate) fn read(host: &dyn Host, pool: usize) -> Option<Policy> {
    let value = host.shared(&keys::circuit_policy(pool)).ok()??;
    record::decode::<Option<Policy>>(VERSION, &value.bytes).ok()?
}

/// Leaves the policy, if it is not there already. The last one to configure a filter wins.
pub(crate) fn leave(host: &dyn Host, pool: usize, policy: &Policy) {
    if read(host, pool).as_ref() == Some(policy) {
        return;
    }
    if let Ok(bytes) = record::encode(VERSION, &Some(*policy)) {
        host.set_shared(&keys::circuit_policy(pool), &bytes, None).ok();
    }
}
