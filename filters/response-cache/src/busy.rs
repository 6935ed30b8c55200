//! Whether the service is busy, so that a stale entry is better than a fresh answer.

use std::cell::RefCell;
use std::collections::BTreeMap;

use spillway_contract::metrics::{PoolGauge, label};
use spillway_host::{Gauge, Host};

/// What is known of each pool.
#[derive(Debug)]
pub(crate) struct Busy {
    from_permille: u64,
    pools: RefCell<BTreeMap<String, Gauges>>,
}

#[derive(Clone, Copy, Debug)]
struct Gauges {
    overload: Gauge,
    eligible: Gauge,
    isolated: Gauge,
}

impl Busy {
    /// Busy from this overload level on.
    pub(crate) fn new(from_permille: u64) -> Self {
        Self { from_permille, pools: RefCell::default() }
    }

    /// Whether a pool is: its level is high, or every endpoint that it has is isolated.
    pub(crate) fn is(&self, host: &dyn Host, pool: &str) -> bool {
        let Some(gauges) = self.gauges(host, pool) else { return false };
        let level = gauges.overload.read(host);
        level >= self.from_permille && level > 0
            || gauges.isolated.read(host) > 0 && gauges.eligible.read(host) == 0
    }

    fn gauges(&self, host: &dyn Host, pool: &str) -> Option<Gauges> {
        let mut pools = self.pools.try_borrow_mut().ok()?;
        if let Some(gauges) = pools.get(pool) {
            return Some(*gauges);
        }
        let gauge = |which: PoolGauge| Gauge::define(host, &which.name(&label(pool))).ok();
        let gauges = Gauges {
            overload: gauge(PoolGauge::Overload)?,
            eligible: gauge(PoolGauge::Eligible)?,
            isolated: gauge(PoolGauge::Isolated)?,
        };
        pools.insert(pool.to_owned(), gauges);
        Some(gauges)
    }
}
