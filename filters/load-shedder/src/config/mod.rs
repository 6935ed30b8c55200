//! The shedder's configuration.

mod check;
mod settings;
mod shared_budgets;

pub(crate) use check::digest;
pub(crate) use settings::{millis, size};
pub(crate) use shared_budgets::SharedBudgets;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spillway_contract::headers::PRIORITY;
use spillway_host::{Match, Mode, Permille, Ranged};

/// Configuration of the load-shedder.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Pools (clusters) whose load is looked after, at most 16. Requests to others pass untouched. Left empty it is
    /// `only_pool`.
    pub pools: Vec<String>,
    /// The one cluster that every route of this listener leads to. Left empty it is read from Envoy for each request, which
    /// costs one or two microseconds and is right whatever the routes are.
    pub only_pool: String,
    /// The priority levels, the most important first; 1 to 8.
    pub levels: Vec<Level>,
    /// The name of the level of requests that no consumer and no rule gives another one.
    pub default_level: String,
    /// Who gets which level: the first that a request's credentials or its consumer header belong to.
    pub consumers: Vec<Consumer>,
    /// Headers whose values tell clients apart where `consumers` does not know them, and by whose hash it does.
    pub credential_headers: Vec<String>,
    /// A header that the operator's authentication sets, and clients cannot, to the name of the consumer; empty: none.
    pub consumer_header: String,
    /// A header in which a client names the level that it wants. It is given a less important level than its own, never a
    /// more important one. Inference workers are told the level in `x-spillway-priority`.
    pub priority_header: String,
    /// Whether that header is believed whatever it says: where something before Envoy sets it, and clients cannot.
    pub trust_priority_header: bool,
    /// How many requests may be admitted at the same time.
    pub limit: Limit,
    /// How many requests may wait, of all levels together.
    pub max_waiting: Ranged<0, 4_096>,
    /// How long a request waits at most, where neither its rule nor its client says less.
    pub max_wait_ms: Ranged<0, 600_000>,
    /// A header in which a client says for how long it waits, in milliseconds; empty: none. `grpc-timeout`,
    /// `x-stainless-read-timeout` and `x-stainless-timeout` are looked at in any case.
    pub timeout_header: String,
    /// What overload is.
    pub overload: Overload,
    /// What is done about it.
    pub ladder: Ladder,
    /// When a client that is refused should come back.
    pub retry_after: RetryAfter,
    /// What a tenant may use, where its consumer does not say it.
    pub budget: Budget,
    /// Budgets are kept and counted, and nobody is refused for them.
    pub budgets_dry_run: bool,
    /// Through which cache tier several Envoys share budgets.
    pub shared_budgets: SharedBudgets,
    /// A longer body is not waited for: such a request is admitted or refused by its headers alone, and never waits. Not above
    /// the listener's `per_connection_buffer_limit_bytes`.
    pub max_body_bytes: Ranged<1_024, 268_435_456>,
    /// What is done with which requests; the first rule that matches counts, and a request that no rule matches is enforced.
    pub rules: Vec<ShedRule>,
}

/// A priority level.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Level {
    /// What it is called.
    pub name: String,
    /// How many of its requests may wait; 0: they are admitted or refused.
    pub max_waiting: Ranged<0, 4_096>,
    /// The most that it leaves free, as a share of the limit, for more important levels that leave nothing themselves. How
    /// much that is follows from how much of the pool these want: one permit in any case.
    pub reserve_permille: Ranged<0, 900>,
    /// One of its requests that has waited for longer goes next, before more important ones, at most one in ten; 0: never.
    pub starvation_ms: Ranged<0, 600_000>,
    /// While the pool is overloaded those of its requests that came last go first: then some are served in time, where in
    /// order of arrival all would come too late.
    pub newest_first_under_overload: bool,
}

/// A consumer: who sends requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Consumer {
    /// What stands in `consumer_header`. This or `credential_sha256`.
    pub name: String,
    /// The SHA-256 of the value of one of `credential_headers`, in hexadecimal: `printf 'Bearer sk-…' | sha256sum`. So no
    /// credential stands in the configuration.
    pub credential_sha256: String,
    /// The level of its requests; empty: that of the rule, or the default.
    pub level: String,
    /// Whose it is: consumers of one tenant share a turn in the queue and a budget. Empty: each is a tenant.
    pub tenant: String,
    /// What its tenant may use; consumers of one tenant should agree.
    pub budget: Option<Budget>,
}

/// What a tenant may use a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Requests; 0: without limit.
    pub requests_per_minute: Ranged<0, 1_000_000_000>,
    /// Tokens of prompts and answers; 0: without limit. Estimated before, corrected by what the answer says.
    pub tokens_per_minute: Ranged<0, 1_000_000_000_000>,
}

/// How many requests may be admitted at the same time. Found by itself, from how long first tokens take.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// Never fewer.
    pub min: Ranged<1, 1_000_000>,
    /// Never more.
    pub max: Ranged<1, 1_000_000>,
    /// At the start, for each endpoint. From there the limit grows by half each window.
    pub initial_per_endpoint: Ranged<1, 10_000>,
    /// The least time between two changes.
    pub window_ms: Ranged<100, 60_000>,
    /// So many may wait at the inference workers, as a share of the limit, and one at least.
    pub allowance_permille: Ranged<0, 500>,
    /// How long a load report of an inference worker is believed, whose slots bound the limit; 0: reports do not count.
    pub report_lasts_ms: Ranged<0, 600_000>,
}

/// What overload is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overload {
    /// What the mean time to the first token should be; four times as much is the highest overload.
    pub ttft_target_ms: Ranged<1, 600_000>,
    /// The share of failures of the upstream that is not overload; five times as much is the highest.
    pub errors_target_permille: Ranged<1, 1_000>,
    /// The share of the key-value caches that may be taken.
    pub kv_cache_target_permille: Permille,
    /// The GPU utilisation that is not overload; above it counts only where somebody waits.
    pub gpu_target_permille: Permille,
}

/// From which overload on, of 0 to 1000, what is done. 1001: never.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ladder {
    /// Answers are kept short, by the rule's `cap_output_tokens`.
    pub cap_output: Ranged<1, 1_001>,
    /// Stale answers serve, where the response-cache's `busy_permille` says so: a mark for the log and the gauge.
    pub stale: Ranged<1, 1_001>,
    /// A smaller model answers, by the rule's `smaller_model`.
    pub smaller_model: Ranged<1, 1_001>,
    /// The least important level is refused.
    pub refuse: Ranged<1, 1_001>,
    /// Another level for each further so much.
    pub refuse_each: Ranged<1, 1_000>,
    /// A step is left when the overload is so much below.
    pub hysteresis: Ranged<0, 1_000>,
    /// And has been for so long.
    pub dwell_ms: Ranged<0, 600_000>,
}

/// When a client that is refused should come back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryAfter {
    /// A burst is expected to be over after so long: nobody is told to come back sooner.
    pub burst_ms: Ranged<1_000, 600_000>,
    /// Nobody is told to come back later.
    pub max_ms: Ranged<1_000, 3_600_000>,
}

/// What is done with some requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShedRule {
    /// For which requests the rule is; an empty match is for all.
    #[serde(rename = "match")]
    pub matches: Match,
    /// Models that the rule is for; empty: all.
    pub models: Vec<String>,
    /// `observe`: everything is admitted, and what would have been done is counted.
    pub mode: Mode,
    /// The level of requests whose consumer has none; empty: the default.
    pub level: String,
    /// How long they wait at most; 0: `max_wait_ms`.
    pub max_wait_ms: Ranged<0, 600_000>,
    /// How many tokens an answer may have from the step `cap_output` on, for all levels but the most important; 0: answers are
    /// not shortened.
    pub cap_output_tokens: Ranged<0, 1_000_000>,
    /// The model that answers from the step `smaller_model` on, for all levels but the most important; empty: none.
    pub smaller_model: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pools: Vec::new(),
            only_pool: String::new(),
            levels: Level::defaults(),
            default_level: "standard".into(),
            consumers: Vec::new(),
            credential_headers: vec!["authorization".into(), "x-api-key".into()],
            consumer_header: String::new(),
            priority_header: PRIORITY.into(),
            trust_priority_header: false,
            limit: Limit::default(),
            max_waiting: Ranged::held(512),
            max_wait_ms: Ranged::held(30_000),
            timeout_header: String::new(),
            overload: Overload::default(),
            ladder: Ladder::default(),
            retry_after: RetryAfter::default(),
            budget: Budget::default(),
            budgets_dry_run: false,
            shared_budgets: SharedBudgets::default(),
            max_body_bytes: Ranged::held(1 << 20),
            rules: Vec::new(),
        }
    }
}

impl Level {
    fn defaults() -> Vec<Self> {
        let level = |name: &str, max_waiting, reserve| Self {
            name: name.into(),
            max_waiting: Ranged::held(max_waiting),
            reserve_permille: Ranged::held(reserve),
            ..Self::default()
        };
        vec![level("critical", 256, 0), level("standard", 128, 120), level("sheddable", 64, 120)]
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            min: Ranged::held(1),
            max: Ranged::held(10_000),
            initial_per_endpoint: Ranged::held(4),
            window_ms: Ranged::held(500),
            allowance_permille: Ranged::held(50),
            report_lasts_ms: Ranged::held(10_000),
        }
    }
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            ttft_target_ms: Ranged::held(500),
            errors_target_permille: Ranged::held(50),
            kv_cache_target_permille: Permille::held(900),
            gpu_target_permille: Permille::held(850),
        }
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            cap_output: Ranged::held(400),
            stale: Ranged::held(500),
            smaller_model: Ranged::held(600),
            refuse: Ranged::held(800),
            refuse_each: Ranged::held(100),
            hysteresis: Ranged::held(150),
            dwell_ms: Ranged::held(30_000),
        }
    }
}

impl Default for RetryAfter {
    fn default() -> Self {
        Self { burst_ms: Ranged::held(10_000), max_ms: Ranged::held(120_000) }
    }
}

#[cfg(test)]
mod tests;
