//! The response cache's configuration.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spillway_caching::eligible;
use spillway_caching::freshness::Ttl;
use spillway_host::{Match, Mode, Permille, Ranged};

/// What the APIs that are known here let a client choose by header.
const KEYED_HEADERS: [&str; 5] =
    ["anthropic-version", "anthropic-beta", "openai-beta", "openai-organization", "openai-project"];

/// Configuration of the response cache.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The cluster that every route of this listener leads to; part of every key. Left empty it is read from Envoy for
    /// each request.
    pub pool: String,
    /// Whose entries are whose.
    pub tenant: Tenants,
    /// The release of the model that answers, part of every key. A new one never answers from the entries of the old.
    pub release: String,
    /// The header of an answer in which a worker names its release. An answer of another release than `release` is passed
    /// on and not stored.
    pub release_header: String,
    /// Members of a request's body, on its outermost level, that do not change the answer.
    pub ignored_fields: Vec<String>,
    /// Whether the same request to two hosts is two requests.
    pub by_host: bool,
    /// Headers of a request that change its answer, beside those that tell tenants apart: they are part of the key, and an
    /// answer may vary by them.
    pub keyed_headers: Vec<String>,
    /// Entries in Envoy's memory, shared by all Envoy workers.
    pub max_entries: Ranged<64, 65_536>,
    /// Bytes of all entries in Envoy's memory.
    pub max_bytes: Ranged<65_536, 8_589_934_592>,
    /// A larger answer is passed on and not stored. Held to what one set of entries may have: `max_bytes` divided by
    /// `max_entries`, times 64.
    pub max_entry_bytes: Ranged<1_024, 1_048_000>,
    /// A longer request is passed on. Not above the listener's `per_connection_buffer_limit_bytes`.
    pub max_body_bytes: Ranged<1_024, 268_435_456>,
    /// How long a request waits for the answer to an identical one before it is sent itself. Above what an answer takes, and
    /// below the route's `idle_timeout`: nothing moves while it waits.
    pub follower_timeout_ms: Ranged<100, 3_600_000>,
    /// How many requests may wait for one answer.
    pub max_followers: Ranged<1, 10_000>,
    /// How long requests do not wait for one another whose answer could not be stored, such as one that says `no-store`.
    pub pass_ms: Ranged<100, 3_600_000>,
    /// From this overload level of the pool on the service counts as busy: a stale entry serves where its rule allows.
    pub busy_permille: Permille,
    /// The cache tier; without it entries are in Envoy's memory only.
    pub tier: Option<Tier>,
    /// Tells the client the key, in `Cache-Status`.
    pub debug_key: bool,
    /// What is done with which requests: the first rule that matches counts, and without one a rule of defaults does.
    pub rules: Vec<CacheRule>,
}

/// Whose entries are whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tenants {
    /// Requests with the same values of these headers share entries; those without any share theirs.
    Credentials(Vec<String>),
    /// The value of this header, which the operator's authentication sets and clients cannot.
    Header(String),
    /// Everybody shares everything.
    Shared,
}

/// The cache tier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tier {
    /// Envoy's cluster of the cache tier.
    pub cluster: String,
    /// How long it may take to say what it has. After three failures in a row it is left alone for a while.
    pub timeout_ms: Ranged<1, 10_000>,
    /// How long another Envoy may compute what this one wants, until both do; 0: they do not wait for one another.
    pub lease_ms: Ranged<0, 600_000>,
    /// How long a write may take.
    pub write_timeout_ms: Ranged<10, 60_000>,
    /// Writes under way at once in one Envoy worker; beyond that they are dropped, and counted.
    pub max_writes: Ranged<1, 10_000>,
}

/// What is done with some requests.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CacheRule {
    /// For which requests the rule is; an empty match is for all.
    #[serde(rename = "match")]
    pub matches: Match,
    /// Models that the rule is for; empty: all. Known from the body, so a rule with models is for requests that have one.
    pub models: Vec<String>,
    /// `observe`: looks up and counts what would have been a hit, stores, and answers nothing.
    pub mode: Mode,
    /// Which requests to a model.
    pub cacheable: Cacheable,
    /// Whether GET too, whose answer must have a validator.
    pub get: bool,
    /// How long an answer is fresh that does not say it.
    pub ttl_ms: Ranged<0, 2_592_000_000>,
    /// The longest that any answer is fresh.
    pub max_ttl_ms: Ranged<0, 2_592_000_000>,
    /// How long a stale answer may serve while a fresh one is fetched, unless it says it.
    pub stale_while_revalidate_ms: Ranged<0, 2_592_000_000>,
    /// How long a stale answer may serve instead of an error, unless it says it.
    pub stale_if_error_ms: Ranged<0, 2_592_000_000>,
    /// How long a stale answer may serve while the service is busy.
    pub stale_when_busy_ms: Ranged<0, 2_592_000_000>,
    /// Whether `no-cache` of an event stream does not count. Servers say that of every stream, so that nobody holds it back.
    pub ignore_no_cache_of_streams: bool,
    /// Whether identical requests in flight are computed once.
    pub coalesce: bool,
    /// Whether streamed ones are too. Who waits for a stream gets all of it when it is complete.
    pub coalesce_streams: bool,
}

/// Which requests to a model are cacheable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cacheable {
    /// Those with the same answer each time: `temperature` 0, and embeddings.
    #[default]
    Deterministic,
    /// Also those that name a `seed`.
    Seeded,
    /// All: whoever asks twice gets the same answer twice.
    All,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pool: String::new(),
            tenant: Tenants::default(),
            release: String::new(),
            release_header: "x-spillway-release".into(),
            ignored_fields: vec!["user".into(), "metadata".into()],
            by_host: true,
            keyed_headers: KEYED_HEADERS.map(str::to_owned).to_vec(),
            max_entries: Ranged::held(4_096),
            max_bytes: Ranged::held(64 << 20),
            max_entry_bytes: Ranged::held(256 << 10),
            max_body_bytes: Ranged::held(1 << 20),
            follower_timeout_ms: Ranged::held(50_000),
            max_followers: Ranged::held(1_000),
            pass_ms: Ranged::held(10_000),
            busy_permille: Permille::held(700),
            tier: None,
            debug_key: false,
            rules: Vec::new(),
        }
    }
}

impl Default for Tenants {
    fn default() -> Self {
        Self::Credentials(vec!["authorization".into(), "x-api-key".into()])
    }
}

impl Tenants {
    /// Whether two requests with different `Authorization` are never the same tenant's.
    #[must_use]
    pub fn tell_by_authorization(&self) -> bool {
        matches!(self, Self::Credentials(names) if names.iter().any(|name| name.eq_ignore_ascii_case("authorization")))
    }

    /// Whether the operator has said who shares what, whatever credentials they show.
    #[must_use]
    pub const fn are_the_operators(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Shared)
    }

    /// The same, with names of headers as Envoy has them.
    #[must_use]
    pub fn in_lower_case(self) -> Self {
        match self {
            Self::Credentials(names) => {
                Self::Credentials(names.iter().map(|name| name.to_ascii_lowercase()).collect())
            }
            Self::Header(name) => Self::Header(name.to_ascii_lowercase()),
            Self::Shared => Self::Shared,
        }
    }
}

impl Default for Tier {
    fn default() -> Self {
        Self {
            cluster: "cache-tier".into(),
            timeout_ms: Ranged::held(50),
            lease_ms: Ranged::held(50_000),
            write_timeout_ms: Ranged::held(2_000),
            max_writes: Ranged::held(64),
        }
    }
}

impl Default for CacheRule {
    fn default() -> Self {
        Self {
            matches: Match::default(),
            models: Vec::new(),
            mode: Mode::Enforce,
            cacheable: Cacheable::Deterministic,
            get: false,
            ttl_ms: Ranged::held(3_600_000),
            max_ttl_ms: Ranged::held(86_400_000),
            stale_while_revalidate_ms: Ranged::held(0),
            stale_if_error_ms: Ranged::held(600_000),
            stale_when_busy_ms: Ranged::held(600_000),
            ignore_no_cache_of_streams: true,
            coalesce: true,
            coalesce_streams: true,
        }
    }
}

/// Two fields that contradict each other.
#[derive(Debug)]
pub struct Contradiction(String);

impl std::fmt::Display for Contradiction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Contradiction {}

impl Config {
    /// Whether the fields agree with one another.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] names both fields.
    pub fn check(&self) -> Result<(), Contradiction> {
        for (number, rule) in self.rules.iter().enumerate() {
            if rule.ttl_ms.get() > rule.max_ttl_ms.get() {
                return Err(Contradiction(format!(
                    "rules[{number}].ttl_ms: {}, expected not above rules[{number}].max_ttl_ms, which is {}",
                    rule.ttl_ms.get(),
                    rule.max_ttl_ms.get()
                )));
            }
        }
        let share = self.max_bytes.get() / self.max_entries.get() * crate::memory::WAYS;
        if share < 1_024 {
            return Err(Contradiction(format!(
                "max_bytes: {}, expected at least 16 bytes for each of the {} of max_entries",
                self.max_bytes.get(),
                self.max_entries.get()
            )));
        }
        for field in &self.ignored_fields {
            if matches!(
                field.as_str(),
                "model"
                    | "messages"
                    | "prompt"
                    | "input"
                    | "stream"
                    | "stream_options"
                    | "logprobs"
                    | "top_logprobs"
                    | "response_format"
            ) {
                return Err(Contradiction(format!(
                    "ignored_fields: `{field}`, expected none that changes the answer"
                )));
            }
        }
        match &self.tenant {
            Tenants::Header(name) if name.is_empty() => {
                Err(Contradiction("tenant.header: empty, expected the name of a header".into()))
            }
            Tenants::Credentials(names) if names.is_empty() => Err(Contradiction(
                "tenant.credentials: none, expected names of headers; or tenant `shared`, if that is meant"
                    .into(),
            )),
            _ => Ok(()),
        }
    }
}

impl CacheRule {
    /// What the rule says about requests.
    #[must_use]
    pub const fn requests(&self) -> eligible::Policy {
        let cacheable = match self.cacheable {
            Cacheable::Deterministic => eligible::Cacheable::Deterministic,
            Cacheable::Seeded => eligible::Cacheable::SeededToo,
            Cacheable::All => eligible::Cacheable::All,
        };
        eligible::Policy { cacheable, get: self.get }
    }

    /// What the rule says about times.
    #[must_use]
    pub fn ttl(&self) -> Ttl {
        let millis = Duration::from_millis;
        let [revalidate, error, busy] =
            [self.stale_while_revalidate_ms, self.stale_if_error_ms, self.stale_when_busy_ms]
                .map(|time| millis(time.get()));
        Ttl {
            default: millis(self.ttl_ms.get()),
            max: millis(self.max_ttl_ms.get()),
            stale_while_revalidate: revalidate,
            stale_if_error: error,
            stale_when_busy: busy,
            max_stale: revalidate.max(error).max(busy),
        }
    }
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
        let error = match load::<Config>(&*host, text.len()) {
            Ok(config) => config.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.starts_with(expected), "{text} gives: {error}");
    }

    #[test]
    fn a_wrong_field_is_named_with_what_came_and_what_was_expected() {
        refused(
            r#"{"max_entries": 1}"#,
            "max_entries: invalid value: integer `1`, expected an integer from 64 to 65536",
        );
        refused(r#"{"max_entry": 1}"#, "max_entry: unknown field `max_entry`, expected one of `pool`, ");
        refused(
            r#"{"rules": [{"ttl_s": 5}]}"#,
            "rules[0].ttl_s: unknown field `ttl_s`, expected one of `match`, ",
        );
        refused(
            r#"{"rules": [{}, {"cacheable": "some"}]}"#,
            "rules[1].cacheable: unknown variant `some`, expected one of `deterministic`",
        );
        refused(r#"{"tenant": "nobody"}"#, "tenant: unknown variant `nobody`, expected one of `credentials`");
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused_with_the_rule() {
        refused(
            r#"{"rules": [{"ttl_ms": 5, "max_ttl_ms": 4}]}"#,
            "rules[0].ttl_ms: 5, expected not above rules[0].max_ttl_ms, which is 4",
        );
        refused(
            r#"{"max_entries": 65536, "max_bytes": 65536}"#,
            "max_bytes: 65536, expected at least 16 bytes for each of the 65536 of max_entries",
        );
        refused(
            r#"{"ignored_fields": ["stream_options"]}"#,
            "ignored_fields: `stream_options`, expected none that changes the answer",
        );
        refused(
            r#"{"ignored_fields": ["user", "top_logprobs"]}"#,
            "ignored_fields: `top_logprobs`, expected none that changes the answer",
        );
        refused(r#"{"tenant": {"credentials": []}}"#, "tenant.credentials: none, expected names of headers");
        refused(r#"{"tenant": {"header": ""}}"#, "tenant.header: empty, expected the name of a header");
    }

    #[test]
    fn the_defaults_agree_with_one_another() {
        Config::default().check().unwrap();
        assert!(CacheRule::default().ttl().max >= CacheRule::default().ttl().default);
    }

    #[test]
    fn the_reference_is_what_the_code_says() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let schema = here.join("../../docs/configuration/response-cache.schema.json");
        reference::check::<Config>(&here.join("README.md"), &schema).unwrap();
    }
}
