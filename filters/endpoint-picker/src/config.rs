//! The picker's configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spillway_host::{Permille, Ranged, Rule};
use spillway_pool::{Choice, Settings};
use spillway_routing::decision::{Policy, Zones};
use spillway_routing::score::Weights;
use spillway_routing::table::Bounds;

use crate::membership::Address;

/// Configuration of the endpoint-picker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Pools (clusters) to know from the start, so that the first request is picked for already. Others are met
    /// with their first request. At most 16 pools in one Envoy.
    pub pools: Vec<String>,
    /// The one cluster that every route of this listener leads to. Left empty it is read from Envoy for each request,
    /// which costs one or two microseconds and is right whatever the routes are.
    pub only_pool: String,
    /// Where the endpoints of a pool come from.
    pub membership: Membership,
    /// A membership older than this is not believed any more, and Envoy's own policy decides.
    pub membership_lasts_ms: Ranged<2_000, 3_600_000>,
    /// How many endpoints one decision looks at; a larger pool is sampled.
    pub candidates: Ranged<1, 8>,
    /// How many endpoints are named for one request: the first attempt and the retries.
    pub attempts: Ranged<1, 8>,
    /// What an endpoint is worth whatever its response time, in thousandths; divided by 1 + in flight.
    pub connections_permille: Permille,
    /// What the fastest endpoint is worth more, in thousandths; a slower one gets fastest mean / mean of it.
    pub response_time_permille: Permille,
    /// The zone of this Envoy. Left empty it is the one of its bootstrap's `node.locality`; without either all endpoints
    /// are equally near.
    pub zone: String,
    /// Whether endpoints of one's own zone come first.
    pub zone_aware: bool,
    /// Requests begin to go to other zones when less than this share of the slots of one's own is free, in thousandths.
    /// Goes by the slots that workers report, or `slots_per_endpoint`.
    pub spill_below_permille: Permille,
    /// Where slots are not known: what an endpoint of another zone is worth beside one of one's own, in thousandths.
    pub remote_worth_permille: Permille,
    /// Requests that an endpoint can run at the same time, where it does not report that itself; 0: not known.
    pub slots_per_endpoint: Ranged<0, 1_000_000>,
    /// How long an endpoint that is new, was unhealthy or was isolated takes to get its full share.
    pub warm_up_ms: Ranged<0, 600_000>,
    /// How long a worker's load report is believed; 0: never. What it says of its load fades within seconds; how many
    /// slots it has stays.
    pub report_lasts_ms: Ranged<0, 600_000>,
    /// Which requests should meet the same endpoint again.
    pub affinity: Affinity,
    /// Reads JSON bodies for the facts of a request (model, stream or not, output limit) and hands them on, so that
    /// circuits are per model and time limits grow with the output. Affinity to a prompt's prefix does that as well.
    pub request_facts: bool,
    /// A longer body is not waited for: such a request is decided without its facts. Not above the listener's
    /// `per_connection_buffer_limit_bytes`.
    pub max_body_bytes: Ranged<1_024, 268_435_456>,
    /// Endpoints of a pool whose metrics carry their address as label; as many again carry a number.
    pub max_endpoints: Ranged<1, 8_192>,
    /// Tells the client which endpoint answered, in `x-spillway-endpoint`.
    pub debug_header: bool,
    /// For which requests the picker works; the first rule that matches counts, and without one it works.
    pub rules: Vec<Rule>,
}

/// Which requests should meet the same endpoint again, unless that has too much in flight.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Affinity {
    /// Requests whose value of this header is the same; empty: no header counts. It goes before the prompt.
    pub header: String,
    /// Requests whose prompts begin with the same tokens, so many of them (of about four bytes); 0: prompts do not count.
    pub prefix_tokens: Ranged<0, 65_536>,
    /// How much of the mean in flight the endpoint may have, in thousandths; beyond that the next one takes over.
    pub bounded_load_permille: Ranged<1_000, 10_000>,
}

impl Default for Affinity {
    fn default() -> Self {
        Self {
            header: String::new(),
            prefix_tokens: Ranged::held(0),
            bounded_load_permille: Ranged::held(1_250),
        }
    }
}

/// Where the endpoints of a pool come from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// Envoy's own membership and health, read from its admin interface by one VM of the process.
    Admin(Admin),
    /// Addresses by pool, as `{"inference": ["10.0.0.1:8000"]}`. Envoy's health checks are not seen this way.
    Static(BTreeMap<String, Vec<Address>>),
}

/// How to read Envoy's admin interface.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The cluster whose one endpoint is the admin interface.
    pub cluster: String,
    /// How often it is read. A slow or large answer makes it up to eight times longer.
    pub interval_ms: Ranged<100, 60_000>,
    /// How long one answer may take.
    pub timeout_ms: Ranged<50, 60_000>,
    /// A larger answer is refused whole.
    pub max_answer_bytes: Ranged<1_024, 268_435_456>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            cluster: "admin".into(),
            interval_ms: Ranged::held(1_000),
            timeout_ms: Ranged::held(1_000),
            max_answer_bytes: Ranged::held(32 << 20),
        }
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self::Admin(Admin::default())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pools: Vec::new(),
            only_pool: String::new(),
            membership: Membership::default(),
            membership_lasts_ms: Ranged::held(30_000),
            candidates: Ranged::held(4),
            attempts: Ranged::held(3),
            connections_permille: Ranged::held(700),
            response_time_permille: Ranged::held(300),
            zone: String::new(),
            zone_aware: true,
            spill_below_permille: Permille::held(200),
            remote_worth_permille: Permille::held(500),
            slots_per_endpoint: Ranged::held(0),
            warm_up_ms: Ranged::held(10_000),
            report_lasts_ms: Ranged::held(30_000),
            affinity: Affinity::default(),
            request_facts: false,
            max_body_bytes: Ranged::held(1 << 20),
            max_endpoints: Ranged::held(1_024),
            debug_header: false,
            rules: Vec::new(),
        }
    }
}

impl Config {
    /// The settings of the books. `zone` is the one that Envoy says it is in.
    #[must_use]
    pub fn books(&self, zone: String) -> Settings {
        let zone = match (self.zone_aware, self.zone.is_empty()) {
            (false, _) => String::new(),
            (true, true) => zone,
            (true, false) => self.zone.clone(),
        };
        Settings {
            bounds: Bounds { max_endpoints: size(self.max_endpoints.get()) },
            membership_lasts: Duration::from_millis(self.membership_lasts_ms.get()),
            report_lasts: Duration::from_millis(self.report_lasts_ms.get()),
            choice: Some(Choice { zone, affinity: self.has_affinity() }),
            ..Settings::default()
        }
    }

    /// How endpoints are chosen.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            weights: Weights {
                connections: share(self.connections_permille.get()),
                response_time: share(self.response_time_permille.get()),
            },
            candidates: size(self.candidates.get()),
            attempts: size(self.attempts.get()),
            zones: Zones {
                spill_below: share(self.spill_below_permille.get()),
                remote_worth: share(self.remote_worth_permille.get()),
            },
            warm_up: Duration::from_millis(self.warm_up_ms.get()),
            slots: u32::try_from(self.slots_per_endpoint.get()).ok().filter(|slots| *slots > 0),
            bounded_load: share(self.affinity.bounded_load_permille.get()),
        }
    }

    /// Whether a body has to be read before its request can be decided.
    #[must_use]
    pub const fn reads_bodies(&self) -> bool {
        self.request_facts || self.affinity.prefix_tokens.get() > 0
    }

    /// Whether any requests should meet the same endpoint again.
    #[must_use]
    pub const fn has_affinity(&self) -> bool {
        !self.affinity.header.is_empty() || self.affinity.prefix_tokens.get() > 0
    }
}

/// Thousandths as a share.
fn share(permille: u64) -> f64 {
    f64::from(u32::try_from(permille).unwrap_or(u32::MAX)) / 1000.0
}

pub(crate) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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
        let error = load::<Config>(&*host, text.len()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text} gives: {error}");
    }

    #[test]
    fn a_wrong_field_is_named_with_what_came_and_what_was_expected() {
        refused(
            r#"{"candidates": 0}"#,
            "candidates: invalid value: integer `0`, expected an integer from 1 to 8",
        );
        refused(r#"{"candidate": 4}"#, "candidate: unknown field `candidate`, expected one of `pools`, ");
        refused(
            r#"{"membership": {"admin": {"interval_ms": 5}}}"#,
            "membership.admin.interval_ms: invalid value: integer `5`, expected an integer from 100 to 60000",
        );
        refused(
            r#"{"membership": {"static": {"inference": ["127.0.0.1:8001", "worker:8002"]}}}"#,
            "membership.static.inference[1]: invalid value: string \"worker:8002\", expected an address as ip:port",
        );
        refused(
            r#"{"membership": {"dns": {}}}"#,
            "membership: unknown variant `dns`, expected `admin` or `static`",
        );
        refused(
            r#"{"rules": [{"mode": "on"}]}"#,
            "rules[0].mode: unknown variant `on`, expected one of `enforce`",
        );
    }

    #[test]
    fn the_defaults_are_those_of_the_crate() {
        assert_eq!(Config::default().policy(), Policy::default());
        assert!(!Config::default().reads_bodies() && !Config::default().has_affinity());
    }

    #[test]
    fn the_reference_is_what_the_code_says() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let schema = here.join("../../docs/configuration/endpoint-picker.schema.json");
        reference::check::<Config>(&here.join("README.md"), &schema).unwrap();
    }
}
