//! The cache tier: asked by call-out, and left alone for a while when it fails.
//!
//! A question is asked in the name of the request and dies with it. What is written must arrive though the client has
//! left, so it is sent in the name of the VM, so many at a time; what is beyond that is dropped and counted.

mod health;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use spillway_breaker::Permit;
use spillway_caching::digest::Digest;
use spillway_contract::cache::protocol::{
    self, ENTRY_MEDIA_TYPE, LEASE_HEADER, Lease, LeaseToken, Lookup, TIER_HEADER,
};
use spillway_host::{Headers, Reply};
use spillway_primitives::{Rng, Timestamp};

use crate::ask::Ask;
use crate::config;
use crate::memory::Found;
use crate::shared::Shared;
use health::Health;

const AUTHORITY: &str = "spillway-cache-tier";

/// The cache tier, as one VM sees it.
pub(crate) struct Tier {
    cluster: String,
    timeout: Duration,
    /// How long the tier looks for an entry: less, so that a tier of tiers, of which a far one is slow, still answers.
    within_ms: u32,
    lease_ms: u32,
    write_timeout: Duration,
    max_writes: usize,
    writes: RefCell<Writes>,
    health: Health,
}

/// What is to be written, and what is on its way.
#[derive(Default)]
struct Writes {
    to_send: Vec<Write>,
    /// The numbers of the call-outs.
    under_way: BTreeSet<u32>,
}

/// A request that changes something.
struct Write {
    method: &'static str,
    path: String,
    lease: Option<LeaseToken>,
    body: Vec<u8>,
}

/// A question under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    token: u32,
    began: Timestamp,
    probe: Option<Permit>,
    /// It waits for another Envoy's answer.
    waits: bool,
}

/// What the tier has said.
pub(crate) enum Said {
    /// It has the entry.
    Entry(Found, protocol::Tier),
    /// It has none, and this request computes it; for others too, if there is a lease.
    Compute(Option<LeaseToken>),
    /// Another Envoy computes it.
    Taken,
}

impl Question {
    /// Whether an answer of that number is to it.
    pub(crate) const fn is(self, token: u32) -> bool {
        self.token == token
    }
}

impl Tier {
    pub(crate) fn new(config: &config::Tier, rng: Rng) -> Self {
        let millis = Duration::from_millis;
        Self {
            cluster: config.cluster.clone(),
            timeout: millis(config.timeout_ms.get()),
            within_ms: u32::try_from(config.timeout_ms.get() * 4 / 5).unwrap_or(u32::MAX).max(1),
            lease_ms: u32::try_from(config.lease_ms.get()).unwrap_or(u32::MAX),
            write_timeout: millis(config.write_timeout_ms.get()),
            max_writes: usize::try_from(config.max_writes.get()).unwrap_or(usize::MAX),
            writes: RefCell::default(),
            health: Health::new(rng),
        }
    }

    /// Asks for an entry; `None` where the tier is left alone. `leases`: others may wait for this request's answer.
    pub(crate) fn ask(&self, shared: &Shared, key: Digest, leases: bool) -> Option<Question> {
        let lease_ms = (leases && self.lease_ms > 0).then_some(self.lease_ms);
        let lookup = Lookup { within_ms: Some(self.within_ms), lease_ms, ..Lookup::default() };
        self.send(shared, key, lookup, self.timeout, false)
    }

    /// Asks again, and waits while another Envoy computes.
    pub(crate) fn wait(&self, shared: &Shared, key: Digest) -> Option<Question> {
        let wait_ms =
            u32::try_from(shared.follower_timeout.as_millis()).unwrap_or(u32::MAX).min(self.lease_ms);
        let lookup = Lookup {
            within_ms: Some(self.within_ms),
            lease_ms: Some(self.lease_ms),
            wait_ms: Some(wait_ms),
            ..Lookup::default()
        };
        let timeout = Duration::from_millis(u64::from(wait_ms)) + self.timeout;
        self.send(shared, key, lookup, timeout, true)
    }

    fn send(
        &self,
        shared: &Shared,
        key: Digest,
        lookup: Lookup,
        timeout: Duration,
        waits: bool,
    ) -> Option<Question> {
        let (host, began) = (&*shared.host, shared.host.now());
        let probe = self.health.admit(began)?;
        let path = lookup.path(key.as_bytes());
        shared.counters.tier_lookups.add(host, 1);
        match host.http_call(&self.cluster, &headers("GET", &path, &[]), &[], timeout) {
            Ok(token) => Some(Question { token, began, probe, waits }),
            Err(error) => {
                self.note(shared, probe, began, false);
                log::debug!("the cache tier cannot be asked: {error}");
                None
            }
        }
    }

    /// Reads what it has said, from within the callback.
    pub(crate) fn said(&self, shared: &Shared, key: Digest, question: Question, body_bytes: usize) -> Said {
        let host = &*shared.host;
        let reply = Reply::read(host, body_bytes).unwrap_or(Reply { status: None, body: Vec::new() });
        let header = |name| {
            let value = host.header(Headers::CalloutResponse, name).ok().flatten()?;
            String::from_utf8(value).ok()
        };
        // Who waited for another Envoy in vain has learnt nothing about the tier.
        let learnt_nothing = question.waits && question.probe.is_none() && reply.status.is_none();
        if !learnt_nothing {
            self.note(shared, question.probe, question.began, matches!(reply.status, Some(200 | 404)));
        }
        match reply.status {
            Some(200) => match Found::of(reply.body, key).filter(|found| found.entry().is_some()) {
                Some(found) => {
                    let tier = header(TIER_HEADER).and_then(|tier| protocol::Tier::parse(&tier));
                    Said::Entry(found, tier.unwrap_or(protocol::Tier::Memory))
                }
                None => {
                    shared.counters.tier_damaged.add(host, 1);
                    Said::Compute(None)
                }
            },
            Some(404) => match header(LEASE_HEADER).and_then(|lease| Lease::parse(&lease)) {
                Some(Lease::Granted(token)) => Said::Compute(Some(token)),
                Some(Lease::Taken) if !question.waits => Said::Taken,
                _ => Said::Compute(None),
            },
            _ => Said::Compute(None),
        }
    }

    /// Writes an entry, in the name of the VM.
    pub(crate) fn write(&self, shared: &Shared, ask: &Ask, entry: Vec<u8>) {
        let path = protocol::entry_path(ask.key.as_bytes());
        self.tell(shared, Write { method: "PUT", path, lease: ask.lease, body: entry });
    }

    /// Says that this Envoy does not compute an entry after all.
    pub(crate) fn give_back(&self, shared: &Shared, key: Digest, lease: LeaseToken) {
        let path = protocol::lease_path(key.as_bytes());
        self.tell(shared, Write { method: "DELETE", path, lease: Some(lease), body: Vec::new() });
    }

    /// Sends what is to be written.
    pub(crate) fn send_writes(&self, shared: &Shared) {
        let host = &*shared.host;
        let Ok(mut writes) = self.writes.try_borrow_mut() else { return };
        let Writes { to_send, under_way } = &mut *writes;
        for Write { method, path, lease, body } in to_send.drain(..) {
            let lease = lease.map(LeaseToken::to_hex);
            let more: Vec<_> = lease.iter().map(|lease| (LEASE_HEADER, lease.as_str())).collect();
            match host.http_call(&self.cluster, &headers(method, &path, &more), &body, self.write_timeout) {
                Ok(token) => {
                    under_way.insert(token);
                    shared.counters.tier_writes.add(host, 1);
                }
                Err(_) => shared.counters.tier_writes_dropped.add(host, 1),
            }
        }
    }

    /// Whether an answer of that number was to something that was written.
    pub(crate) fn written(&self, shared: &Shared, token: u32) -> bool {
        let is_ours = self.writes.try_borrow_mut().is_ok_and(|mut writes| writes.under_way.remove(&token));
        if is_ours {
            let status = shared.host.header(Headers::CalloutResponse, ":status").ok().flatten();
            let class = status.and_then(|status| status.first().copied());
            if class != Some(b'2') {
                shared.counters.tier_writes_failed.add(&*shared.host, 1);
            }
            // That it does not like an entry says nothing about the tier. Where it is gone, Envoy answers 503 in its name.
            self.note(shared, None, shared.host.now(), matches!(class, Some(b'2' | b'4')));
        }
        is_ours
    }

    fn tell(&self, shared: &Shared, write: Write) {
        let host = &*shared.host;
        let Ok(mut writes) = self.writes.try_borrow_mut() else { return };
        let is_full = writes.to_send.len() + writes.under_way.len() >= self.max_writes;
        let is_entry = !write.body.is_empty();
        if !self.health.is_good() || is_full && is_entry && write.lease.is_none() {
            shared.counters.tier_writes_dropped.add(host, 1);
            return;
        }
        if is_full && is_entry {
            // The entry is dropped, but other Envoys must not wait for it.
            shared.counters.tier_writes_dropped.add(host, 1);
            let path = write.path.replacen(protocol::ENTRIES_PATH, protocol::LEASES_PATH, 1);
            writes.to_send.push(Write { method: "DELETE", path, body: Vec::new(), ..write });
        } else {
            writes.to_send.push(write);
        }
        shared.mail.remind(host);
    }

    /// What an answer, or its lack, says about the tier.
    fn note(&self, shared: &Shared, probe: Option<Permit>, began: Timestamp, works: bool) {
        if !works {
            shared.counters.tier_failures.add(&*shared.host, 1);
        }
        if let Some(state) = self.health.note(probe, began, works, shared.host.now()) {
            log::warn!("the circuit of the cache tier in cluster {} is {}", self.cluster, state.as_str());
        }
    }
}

fn headers<'a>(method: &'a str, path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![
        (":method", method),
        (":path", path),
        (":authority", AUTHORITY),
        (":scheme", "http"),
        ("content-type", ENTRY_MEDIA_TYPE),
    ];
    headers.extend_from_slice(more);
    headers
}
