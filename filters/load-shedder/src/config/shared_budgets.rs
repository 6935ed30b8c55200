//! Budgets that several Envoys share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spillway_host::{ConfigError, Ranged};

/// Through which cache tier budgets are shared, and how closely.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SharedBudgets {
    /// Envoy's cluster of the cache tier that adds up what all Envoys use; empty: budgets are those of each Envoy alone.
    pub cluster: String,
    /// The `:authority` of what the tier is told.
    pub authority: String,
    /// How often the tier is told what was used here, and says what all have used.
    pub interval_ms: Ranged<100, 60_000>,
    /// How long it may take to say so, not above `interval_ms`. Where it does not, each Envoy goes on by its own accounts.
    pub timeout_ms: Ranged<10, 60_000>,
    /// The share of a budget that one Envoy may use beyond what the tier has heard of; one request in any case. N Envoys use at
    /// most the budget and N times so much.
    pub allowance_permille: Ranged<1, 1_000>,
}

impl Default for SharedBudgets {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            authority: "spillway-cache-tier".into(),
            interval_ms: Ranged::held(1_000),
            timeout_ms: Ranged::held(500),
            allowance_permille: Ranged::held(200),
        }
    }
}

impl SharedBudgets {
    /// Whether budgets are shared at all.
    pub(crate) fn are_shared(&self) -> bool {
        !self.cluster.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refused =
            |name: &str, why: String| Err(ConfigError::field(format!("shared_budgets.{name}"), why));
        let is_of_header = |byte: u8| byte.is_ascii_graphic();
        if self.authority.is_empty() || !self.authority.bytes().all(is_of_header) {
            return refused("authority", "expected visible ASCII characters".into());
        }
        let (timeout, interval) = (self.timeout_ms.get(), self.interval_ms.get());
        if timeout > interval {
            return refused(
                "timeout_ms",
                format!("{timeout}, expected not above interval_ms, which is {interval}"),
            );
        }
        Ok(())
    }
}
