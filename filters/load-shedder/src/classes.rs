//! Whose a request is, and how important.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use spillway_host::HeaderBlock;
use spillway_shedding::budget::Quota;
use spillway_shedding::level::{Level, Levels, requested};
use twox_hash::XxHash64;

use crate::config::{Config, Consumer, digest};

/// Tenants with a name and those that are known by a credential alone are never the same.
const NAMED: u64 = 1;
const UNNAMED: u64 = 2;

/// Who is who.
pub(crate) struct Classes {
    pub(crate) levels: Levels,
    default: Level,
    by_name: BTreeMap<Vec<u8>, Known>,
    by_credential: BTreeMap<[u8; 32], Known>,
    /// In lower case, as all names of headers here.
    credential_headers: Vec<String>,
    consumer_header: String,
    priority_header: String,
    trusts_priority: bool,
    quota: Quota,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    level: Option<Level>,
    tenant: u64,
    quota: Option<Quota>,
}

/// Whose a request is, and how important.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) level: Level,
    /// A hash: a credential cannot be read back from it.
    pub(crate) tenant: u64,
    pub(crate) quota: Quota,
}

impl Classes {
    pub(crate) fn new(config: &Config, levels: Levels) -> Self {
        let mut by_name = BTreeMap::new();
        let mut by_credential = BTreeMap::new();
        for consumer in &config.consumers {
            let known = Known::of(consumer, &levels);
            match digest(&consumer.credential_sha256) {
                Some(digest) => by_credential.entry(digest).or_insert(known),
                None => by_name.entry(consumer.name.clone().into_bytes()).or_insert(known),
            };
        }
        Self {
            default: levels.named(&config.default_level).unwrap_or_default(),
            levels,
            by_name,
            by_credential,
            credential_headers: config
                .credential_headers
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            consumer_header: config.consumer_header.to_ascii_lowercase(),
            priority_header: config.priority_header.to_ascii_lowercase(),
            trusts_priority: config.trust_priority_header,
            quota: config.budget.quota(),
        }
    }

    /// Who sends a request with these headers, whose rule gives it that level.
    pub(crate) fn of(&self, headers: &HeaderBlock, of_rule: Option<Level>) -> Who {
        let known = self.known(headers);
        let assigned = known.and_then(|known| known.level).or(of_rule).unwrap_or(self.default);
        let asked = headers.get(&self.priority_header).and_then(|name| std::str::from_utf8(name).ok());
        let asked = asked.and_then(|name| self.levels.named(name.trim()));
        Who {
            level: requested(assigned, asked, self.trusts_priority),
            tenant: known.map_or_else(|| self.unknown(headers), |known| known.tenant),
            quota: known.and_then(|known| known.quota).unwrap_or(self.quota),
        }
    }

    fn known(&self, headers: &HeaderBlock) -> Option<Known> {
        let by_name = || self.by_name.get(headers.get(&self.consumer_header)?).copied();
        let by_credential = || {
            if self.by_credential.is_empty() {
                return None;
            }
            let values = self.credential_headers.iter().filter_map(|name| headers.get(name));
            values.into_iter().find_map(|value| {
                self.by_credential.get(<[u8; 32]>::from(Sha256::digest(value)).as_slice()).copied()
            })
        };
        by_name().or_else(by_credential)
    }

    /// Who is not known is told apart by what it shows; those who show nothing are one tenant.
    fn unknown(&self, headers: &HeaderBlock) -> u64 {
        let named = headers.get(&self.consumer_header);
        let shown = named.or_else(|| self.credential_headers.iter().find_map(|name| headers.get(name)));
        XxHash64::oneshot(UNNAMED, shown.unwrap_or_default())
    }
}

impl Known {
    fn of(consumer: &Consumer, levels: &Levels) -> Self {
        let own = if consumer.name.is_empty() { &consumer.credential_sha256 } else { &consumer.name };
        let tenant = if consumer.tenant.is_empty() { own } else { &consumer.tenant };
        Self {
            level: levels.named(&consumer.level),
            tenant: XxHash64::oneshot(NAMED, tenant.as_bytes()),
            quota: consumer.budget.map(crate::config::Budget::quota),
        }
    }
}

#[cfg(test)]
mod tests {
    use spillway_host::{fake::Fake, load};

    use super::*;

    fn classes(text: &str) -> Classes {
        let host = Fake::new();
        host.set_configuration(text);
        let config: Config = load(&*host, text.len()).unwrap();
        let levels = config.check().unwrap();
        Classes::new(&config, levels)
    }

    const CONSUMERS: &str = r#"{
        "consumer_header": "x-consumer",
        "consumers": [
            {"name": "batch", "level": "sheddable", "tenant": "acme"},
            {"credential_sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
             "level": "critical", "tenant": "acme", "budget": {"requests_per_minute": 5}},
            {"name": "other"}
        ]
    }"#;

    #[track_caller]
    fn is(classes: &Classes, headers: &[(&str, &str)], of_rule: Option<Level>, expected: u8) -> Who {
        let who = classes.of(&HeaderBlock::of(headers), of_rule);
        assert_eq!(who.level, Level(expected), "{headers:?}");
        who
    }

    #[test]
    fn a_consumer_before_a_rule_before_the_default() {
        let classes = classes(CONSUMERS);
        is(&classes, &[], None, 1);
        is(&classes, &[], Some(Level(2)), 2);
        let batch = is(&classes, &[("x-consumer", "batch")], Some(Level(0)), 2);
        // The digest is that of "abc".
        let critical = is(&classes, &[("authorization", "abc")], Some(Level(2)), 0);
        assert_eq!(batch.tenant, critical.tenant);
        assert_eq!((critical.quota.requests_per_minute, batch.quota.requests_per_minute), (Some(5), None));
        is(&classes, &[("x-consumer", "other")], Some(Level(2)), 2);
        is(&classes, &[("authorization", "abd")], None, 1);
    }

    #[test]
    fn a_client_can_only_ask_for_less() {
        let classes = classes(CONSUMERS);
        is(&classes, &[("x-spillway-priority", "critical")], None, 1);
        is(&classes, &[("x-spillway-priority", "sheddable")], None, 2);
        is(&classes, &[("x-spillway-priority", "urgent")], None, 1);
        is(&classes, &[("x-spillway-priority", "standard"), ("authorization", "abc")], None, 1);
    }

    #[test]
    fn where_the_header_is_trusted_it_counts() {
        let trusting = classes(r#"{"trust_priority_header": true, "priority_header": "X-Level"}"#);
        is(&trusting, &[("x-level", "critical")], None, 0);
    }

    #[test]
    fn who_is_not_known_is_told_apart_by_what_it_shows() {
        let classes = classes("{}");
        let tenant = |headers: &[(&str, &str)]| classes.of(&HeaderBlock::of(headers), None).tenant;
        let nobody = tenant(&[]);
        assert_eq!(nobody, tenant(&[("x-other", "a")]));
        let [a, b] = ["a", "b"].map(|key| tenant(&[("authorization", key)]));
        assert!(a != b && a != nobody);
        assert_eq!(a, tenant(&[("x-api-key", "a")]));
    }
}
