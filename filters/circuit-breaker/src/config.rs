//! The circuit-breaker's configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spillway_breaker::{Policy, Ratio, TimeLimits};
use spillway_host::{ConfigError, Permille, Ranged, Rule};
use spillway_pool::Settings;
use spillway_primitives::{Backoff, Ewma};
use spillway_routing::table::Bounds;

use crate::failures::Failures;

/// Configuration of the circuit-breaker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The pool that attempts are booked on: the name of the cluster that this filter stands in. Left empty it is read
    /// from Envoy for each attempt, which costs about a microsecond.
    pub pool: String,
    /// Failures in a row that open an endpoint's circuit.
    pub max_fails: Ranged<1, 1_000>,
    /// The share of failures that opens it, in thousandths; 0: only failures in a row do.
    pub failure_ratio_permille: Permille,
    /// Fewer requests than this in the window say nothing about the share.
    pub failure_ratio_min_requests: Ranged<1, 1_000_000>,
    /// The time over which the share is taken; it moves in halves.
    pub failure_ratio_window_ms: Ranged<100, 600_000>,
    /// How long a circuit is open before its endpoint is probed. It doubles with each probe that fails.
    pub fail_timeout_ms: Ranged<100, 3_600_000>,
    /// The longest that a circuit is open; not below `fail_timeout_ms`.
    pub max_fail_timeout_ms: Ranged<100, 86_400_000>,
    /// By how much it may be open longer, at random, so that probes do not come all at once.
    pub fail_timeout_jitter_permille: Permille,
    /// How many probes may be under way at once; not above `max_fails`.
    pub probes: Ranged<1, 16>,
    /// How many probes must succeed before a circuit closes.
    pub probe_successes: Ranged<1, 100>,
    /// A probe of which nothing is heard for so long has failed.
    pub probe_timeout_ms: Ranged<100, 3_600_000>,
    /// The most endpoints of a pool that may be isolated at once, in percent; those of less than one are none.
    pub max_isolated_percent: Ranged<0, 100>,
    /// The longest wait that an endpoint may ask for with 429 or 503 and `Retry-After`.
    pub max_retry_after_ms: Ranged<0, 3_600_000>,
    /// How long an endpoint is left alone that says it is not ready, without saying for how long.
    pub not_ready_ms: Ranged<0, 600_000>,
    /// What counts as a failure of the endpoint.
    pub failures: Failures,
    /// How long the first token of a stream may take; 0: for ever.
    pub first_token_timeout_ms: Ranged<0, 3_600_000>,
    /// What an answer that is not streamed may take on top, for each token that its request allows.
    pub output_token_timeout_ms: Ranged<0, 60_000>,
    /// The tokens of an answer whose request does not say, or of which nothing is known.
    pub assumed_output_tokens: Ranged<1, 10_000_000>,
    /// Goes by what another filter has found out about the request: its model, so that circuits are per endpoint and
    /// model; whether it is streamed and how many tokens it allows, for its time limit. The endpoint-picker leaves that
    /// with `request_facts`. It costs about a microsecond.
    pub request_facts: bool,
    /// Takes in the workers' load reports (ORCA `endpoint-load-metrics`), at most ten a second from each endpoint.
    pub load_reports: bool,
    /// How much the newest time to first token counts in the mean, in thousandths.
    pub response_time_weight_permille: Ranged<1, 1000>,
    /// How much the newest outcome counts in the share of failures, in thousandths.
    pub failure_weight_permille: Ranged<1, 1000>,
    /// A failed attempt counts as having taken at least this long.
    pub failure_counts_as_ms: Ranged<0, 600_000>,
    /// Endpoints of a pool whose metrics carry their address as label; as many again carry a number.
    pub max_endpoints: Ranged<1, 8_192>,
    /// For which requests the filter works; the first rule that matches counts, and without one it works. In mode
    /// `observe` attempts are booked, and circuits open that keep nobody out: log and metrics say what would happen.
    pub rules: Vec<Rule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pool: String::new(),
            max_fails: Ranged::held(3),
            failure_ratio_permille: Permille::held(500),
            failure_ratio_min_requests: Ranged::held(20),
            failure_ratio_window_ms: Ranged::held(10_000),
            fail_timeout_ms: Ranged::held(30_000),
            max_fail_timeout_ms: Ranged::held(300_000),
            fail_timeout_jitter_permille: Permille::held(100),
            probes: Ranged::held(1),
            probe_successes: Ranged::held(1),
            probe_timeout_ms: Ranged::held(60_000),
            max_isolated_percent: Ranged::held(50),
            max_retry_after_ms: Ranged::held(60_000),
            not_ready_ms: Ranged::held(2_000),
            failures: Failures::default(),
            first_token_timeout_ms: Ranged::held(30_000),
            output_token_timeout_ms: Ranged::held(100),
            assumed_output_tokens: Ranged::held(1_024),
            request_facts: false,
            load_reports: true,
            response_time_weight_permille: Ranged::held(100),
            failure_weight_permille: Ranged::held(300),
            failure_counts_as_ms: Ranged::held(10_000),
            max_endpoints: Ranged::held(1_024),
            rules: Vec::new(),
        }
    }
}

impl Config {
    /// What no field can say alone.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], with the field and the rule that it breaks.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (probes, fails) = (self.probes.get(), self.max_fails.get());
        if probes > fails {
            let reason =
                format!("invalid value: integer `{probes}`, expected at most `max_fails`, which is {fails}");
            return Err(ConfigError::field("probes", reason));
        }
        let (most, least) = (self.max_fail_timeout_ms.get(), self.fail_timeout_ms.get());
        if most < least {
            let reason = format!(
                "invalid value: integer `{most}`, expected at least `fail_timeout_ms`, which is {least}"
            );
            return Err(ConfigError::field("max_fail_timeout_ms", reason));
        }
        Ok(())
    }

    /// The settings of the books and of the circuits.
    #[must_use]
    pub fn books(&self) -> Settings {
        let weight = |permille: Ranged<1, 1000>| Ewma::new(u16::try_from(permille.get()).unwrap_or(1000));
        Settings {
            bounds: Bounds { max_endpoints: usize::try_from(self.max_endpoints.get()).unwrap_or(usize::MAX) },
            response_time: weight(self.response_time_weight_permille),
            failures: weight(self.failure_weight_permille),
            failure_counts_as: Duration::from_millis(self.failure_counts_as_ms.get()),
            circuits: Some(self.circuits()),
            ..Settings::default()
        }
    }

    fn circuits(&self) -> Policy {
        let millis = Duration::from_millis;
        let ratio = Ratio {
            failure_permille: narrow(self.failure_ratio_permille.get()),
            min_requests: self.failure_ratio_min_requests.get(),
            window: millis(self.failure_ratio_window_ms.get()),
        };
        Policy {
            max_fails: narrow(self.max_fails.get()),
            ratio: Some(ratio).filter(|ratio| ratio.failure_permille > 0),
            open: Backoff::new(
                millis(self.fail_timeout_ms.get()),
                millis(self.max_fail_timeout_ms.get()),
                u16::try_from(self.fail_timeout_jitter_permille.get()).unwrap_or(1000),
            ),
            probes: usize::try_from(self.probes.get()).unwrap_or(1),
            successes: narrow(self.probe_successes.get()),
            probe_lasts: millis(self.probe_timeout_ms.get()),
            max_retry_after: millis(self.max_retry_after_ms.get()),
            max_isolated_percent: narrow(self.max_isolated_percent.get()),
        }
    }

    /// How long an endpoint may take to say its first word; `None`: for ever.
    #[must_use]
    pub fn time_limits(&self) -> Option<TimeLimits> {
        let first_token = Duration::from_millis(self.first_token_timeout_ms.get());
        (!first_token.is_zero()).then(|| TimeLimits {
            first_token,
            per_output_token: Duration::from_millis(self.output_token_timeout_ms.get()),
            assumed_output_tokens: narrow(self.assumed_output_tokens.get()),
        })
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_host::{fake::Fake, load, reference};
    use std::path::Path;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let host = Fake::new();
        host.set_configuration(text);
        let error = load::<Config>(&*host, text.len()).and_then(|config| config.check()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{text} gives: {error}");
    }

    #[test]
    fn a_wrong_field_is_named_with_what_came_and_what_was_expected() {
        refused(
            r#"{"failure_weight_permille": 1001}"#,
            "failure_weight_permille: invalid value: integer `1001`, expected an integer from 1 to 1000",
        );
        refused(
            r#"{"max_isolated_percent": 101}"#,
            "max_isolated_percent: invalid value: integer `101`, expected an integer from 0 to 100",
        );
        refused(
            r#"{"fail_timeout": 30}"#,
            "fail_timeout: unknown field `fail_timeout`, expected one of `pool`, ",
        );
        refused(
            r#"{"fail_timeout_ms": "30s"}"#,
            "fail_timeout_ms: invalid type: string \"30s\", expected an integer from 100 to 3600000",
        );
        refused(
            r#"{"failures": {"statuses": ["5xx", "oops"]}}"#,
            "failures.statuses[1]: invalid value: string \"oops\", expected a status from 100 to 599, or a class as 5xx",
        );
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused_with_the_rule() {
        refused(
            r#"{"probes": 4}"#,
            "probes: invalid value: integer `4`, expected at most `max_fails`, which is 3",
        );
        refused(
            r#"{"fail_timeout_ms": 400000}"#,
            "max_fail_timeout_ms: invalid value: integer `300000`, expected at least `fail_timeout_ms`, which is 400000",
        );
    }

    #[test]
    fn the_defaults_are_those_of_the_crate() {
        assert_eq!(Config::default().circuits(), Policy::default());
        assert_eq!(Config::default().time_limits(), Some(TimeLimits::default()));
    }

    #[test]
    fn the_reference_is_what_the_code_says() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let schema = here.join("../../docs/configuration/circuit-breaker.schema.json");
        reference::check::<Config>(&here.join("README.md"), &schema).unwrap();
    }
}
