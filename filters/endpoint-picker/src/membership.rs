//! Keeping the endpoint tables in step with where the endpoints come from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use spillway_contract::metrics::filter_metric;
use spillway_host::{Callout, Counter, Hold, Host, HostError, Lease, Pending, Reply};
use spillway_pool::Pools;
use spillway_primitives::Timestamp;
use spillway_routing::membership::{Member, read_clusters};

use crate::config::{Admin, Membership, size};

/// An `ip:port` of a static list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address(String);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<SocketAddr>() {
            // As Envoy writes it, not as the operator did: the two are compared.
            Ok(address) => Ok(Self(address.to_string())),
            Err(_) => Err(de::Error::invalid_value(de::Unexpected::Str(&text), &"an address as ip:port")),
        }
    }
}

impl JsonSchema for Address {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Address")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "ip:port, IPv6 in brackets" })
    }
}

/// The lease of whoever reads the admin interface.
const LEASE: &str = "spillway/lease/membership";
/// The interval grows up to this many times.
const MOST_PATIENT: u32 = 8;
/// A tick comes a little early or late; a next time that is a hair ahead would cost a whole tick.
const SLACK: Duration = Duration::from_millis(50);

/// Where the members come from, and what is under way.
pub(crate) enum Source {
    Admin(Poll),
    Static(BTreeMap<String, Vec<Member>>),
}

/// Reading the admin interface: by one VM at a time, at growing intervals while it is slow.
pub(crate) struct Poll {
    callout: Callout,
    interval: Duration,
    max_answer_bytes: usize,
    lease: Lease,
    /// When it was last this VM's time to ask, whether or not it was its turn.
    looked: Timestamp,
    patience: u32,
    pending: Option<(Pending, Timestamp)>,
    failed: bool,
    failures: Counter,
}

impl Source {
    /// Makes the source. On configuration.
    pub(crate) fn new(host: &dyn Host, config: &Membership, holder: u64) -> Result<Self, HostError> {
        match config {
            Membership::Admin(admin) => Poll::new(host, admin, holder).map(Self::Admin),
            Membership::Static(pools) => {
                let members = |addresses: &Vec<Address>| {
                    addresses.iter().map(|address| Member::serving(address.0.clone())).collect()
                };
                Ok(Self::Static(
                    pools.iter().map(|(pool, addresses)| (pool.clone(), members(addresses))).collect(),
                ))
            }
        }
    }

    /// Names of pools that the source itself speaks of.
    pub(crate) fn pools(&self) -> Vec<String> {
        match self {
            Self::Admin(_) => Vec::new(),
            Self::Static(pools) => pools.keys().cloned().collect(),
        }
    }

    /// How often the source wants to be looked at.
    pub(crate) fn interval(&self) -> Duration {
        const LEASES_ARE_RENEWED_EVERY: Duration = Duration::from_secs(1);
        match self {
            Self::Admin(poll) => poll.interval.min(LEASES_ARE_RENEWED_EVERY),
            Self::Static(_) => LEASES_ARE_RENEWED_EVERY,
        }
    }

    /// Makes a static list the membership; it is as fresh as the moment.
    pub(crate) fn set_static(&self, pools: &mut Pools, now: Timestamp) {
        let Self::Static(members) = self else { return };
        for (name, members) in members {
            if let Some(pool) = pools.pool(name)
                && let Err(error) = pools.set_members(pool, members, now)
            {
                log::warn!("the endpoints of pool {name} cannot be set: {error}");
            }
        }
    }
}

impl Poll {
    fn new(host: &dyn Host, admin: &Admin, holder: u64) -> Result<Self, HostError> {
        let lease = Lease::new(LEASE, holder);
        lease.create(host)?;
        Ok(Self {
            callout: Callout {
                cluster: admin.cluster.clone(),
                authority: "spillway".into(),
                path: "/clusters?format=json".into(),
                timeout: Duration::from_millis(admin.timeout_ms.get()),
            },
            interval: Duration::from_millis(admin.interval_ms.get()),
            max_answer_bytes: size(admin.max_answer_bytes.get()),
            lease,
            looked: Timestamp::ZERO,
            patience: 1,
            pending: None,
            failed: false,
            failures: Counter::define(host, &filter_metric("endpoint-picker", "membership_failures_total"))?,
        })
    }

    /// Asks, when it is time and this VM's turn.
    pub(crate) fn tick(&mut self, host: &dyn Host, now: Timestamp) {
        // An answer that is long overdue will not come: its call-out died with the cluster.
        self.pending.take_if(|(_, asked)| now.since(*asked) > self.callout.timeout * 2);
        let interval = self.interval * self.patience;
        // A clock that stepped back must not make everybody wait for it to catch up.
        let too_early = self.looked <= now && now.since(self.looked) < interval.saturating_sub(SLACK);
        if too_early || self.pending.is_some() {
            return;
        }
        self.looked = now;
        let span = interval * 3 + self.callout.timeout;
        if !self.lease.hold(host, now, span).is_ok_and(Hold::is_held) {
            return;
        }
        match self.callout.get(host) {
            Ok(pending) => self.pending = Some((pending, now)),
            Err(error) => self.failed(host, &error),
        }
    }

    /// Takes in an answer.
    pub(crate) fn answered(
        &mut self,
        host: &dyn Host,
        pools: &mut Pools,
        token: u32,
        bytes: usize,
        now: Timestamp,
    ) {
        let Some((_, asked)) = self.pending.take_if(|(pending, _)| pending.is(token)) else { return };
        let took = now.since(asked);
        if bytes > self.max_answer_bytes {
            return self.failed(host, &format_args!("the answer has {bytes} bytes"));
        }
        let members = match Reply::read(host, bytes) {
            Ok(Reply { status: Some(200), body }) => {
                let known: Vec<_> = pools.views().map(|view| view.name().to_owned()).collect();
                read_clusters(&body, |cluster| known.iter().any(|name| name == cluster))
            }
            Ok(Reply { status: Some(status), .. }) => {
                return self.failed(host, &format_args!("the answer's status is {status}, expected 200"));
            }
            Ok(Reply { status: None, .. }) => return self.failed(host, &"no answer"),
            Err(error) => return self.failed(host, &error),
        };
        match members {
            Ok(clusters) => {
                for (name, members) in clusters {
                    if let Some(pool) = pools.pool(&name)
                        && let Err(error) = pools.set_members(pool, &members, now)
                    {
                        return self.failed(host, &error);
                    }
                }
                self.worked(took);
            }
            Err(error) => self.failed(host, &error),
        }
    }

    fn worked(&mut self, took: Duration) {
        let slow = took > self.interval / 4;
        self.patience = if slow { (self.patience * 2).min(MOST_PATIENT) } else { (self.patience / 2).max(1) };
        if std::mem::take(&mut self.failed) {
            log::info!("the membership can be read again from cluster {}", self.callout.cluster);
        }
    }

    fn failed(&mut self, host: &dyn Host, why: &dyn std::fmt::Display) {
        self.failures.add(host, 1);
        self.patience = (self.patience * 2).min(MOST_PATIENT);
        // Somebody else may reach it.
        self.lease.release(host).ok();
        if !std::mem::replace(&mut self.failed, true) {
            log::warn!("the membership cannot be read from cluster {}: {why}", self.callout.cluster);
        }
    }
}
