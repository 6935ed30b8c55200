//! The circuit-breaker's configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spillway_host::{Ranged, Rule};
use spillway_pool::Settings;
use spillway_primitives::Ewma;
use spillway_routing::table::Bounds;

/// Configuration of the circuit-breaker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The pool that attempts are booked on: the name of the cluster that this filter stands in. Left empty it is read
    /// from Envoy for each attempt, which costs about a microsecond.
    pub pool: String,
    /// How much the newest time to first token counts in the mean, in thousandths.
    pub response_time_weight_permille: Ranged<1, 1000>,
    /// How much the newest outcome counts in the share of failures, in thousandths.
    pub failure_weight_permille: Ranged<1, 1000>,
    /// A failed attempt counts as having taken at least this long.
    pub failure_counts_as_ms: Ranged<0, 600_000>,
    /// Endpoints of a pool whose metrics carry their address as label; as many again carry a number.
    pub max_endpoints: Ranged<1, 8_192>,
    /// For which requests attempts are booked; the first rule that matches counts, and without one they are. In
    /// mode `observe` they are booked as in `enforce`: there is nothing to enforce yet.
    pub rules: Vec<Rule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pool: String::new(),
            response_time_weight_permille: Ranged::held(100),
            failure_weight_permille: Ranged::held(300),
            failure_counts_as_ms: Ranged::held(10_000),
            max_endpoints: Ranged::held(1_024),
            rules: Vec::new(),
        }
    }
}

impl Config {
    /// The settings of the books.
    #[must_use]
    pub fn books(&self) -> Settings {
        let weight = |permille: Ranged<1, 1000>| Ewma::new(u16::try_from(permille.get()).unwrap_or(1000));
        Settings {
            bounds: Bounds { max_endpoints: usize::try_from(self.max_endpoints.get()).unwrap_or(usize::MAX) },
            response_time: weight(self.response_time_weight_permille),
            failures: weight(self.failure_weight_permille),
            failure_counts_as: Duration::from_millis(self.failure_counts_as_ms.get()),
            ..Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_host::{fake::Fake, load, reference};
    use std::path::Path;

    #[test]
    fn a_wrong_field_is_named() {
        let text = r#"{"failure_weight_permille": 1001}"#;
        let host = Fake::new();
        host.set_configuration(text);
        let error = load::<Config>(&*host, text.len()).unwrap_err().to_string();
        let expected =
            "failure_weight_permille: invalid value: integer `1001`, expected an integer from 1 to 1000";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn the_reference_is_what_the_code_says() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let schema = here.join("../../docs/configuration/circuit-breaker.schema.json");
        reference::check::<Config>(&here.join("README.md"), &schema).unwrap();
    }
}
