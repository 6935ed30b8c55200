//! What all requests of a VM share, and what becomes of an answer.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use spillway_caching::flight::{Limits, Member};
use spillway_caching::storable::Unstorable;
use spillway_host::{Host, paths};
use spillway_primitives::Timestamp;

use crate::ask::{Ask, Role};
use crate::bodies::Bodies;
use crate::busy::Busy;
use crate::config::{CacheRule, Tenants};
use crate::counters::Counters;
use crate::flights;
use crate::mail::{Mail, Word};
use crate::memory::Memory;
use crate::refresh::Refreshes;
use crate::tier::Tier;
use crate::waiting::Waiting;

/// What all requests of a VM share.
pub(crate) struct Shared {
    pub(crate) host: Rc<dyn Host>,
    /// The root context's number, in whose name is sent what must outlive a request.
    pub(crate) root: u32,
    /// The cluster of every route; empty where it is to be read from Envoy.
    pub(crate) pool: String,
    pub(crate) tenants: Tenants,
    pub(crate) release: String,
    pub(crate) release_header: String,
    pub(crate) bodies: Bodies,
    pub(crate) by_host: bool,
    /// In lower case.
    pub(crate) keyed_headers: Vec<String>,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_entry_bytes: usize,
    pub(crate) follower_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) pass: Duration,
    pub(crate) debug_key: bool,
    pub(crate) rules: Vec<CacheRule>,
    pub(crate) default_rule: CacheRule,
    pub(crate) memory: Memory,
    pub(crate) mail: Mail,
    pub(crate) waiting: RefCell<Waiting>,
    pub(crate) tier: Option<Tier>,
    pub(crate) refreshes: RefCell<Refreshes>,
    pub(crate) busy: Busy,
    pub(crate) counters: Counters,
}

/// An answer that is worth storing.
pub(crate) struct Stored {
    pub(crate) entry: Vec<u8>,
    /// Whether it is of use to who asks now.
    pub(crate) is_fresh: bool,
    /// When nobody can use it any more.
    pub(crate) expires: Timestamp,
}

impl Shared {
    /// The rule of a request.
    pub(crate) fn rule(&self, ask: &Ask) -> &CacheRule {
        self.rules.get(ask.rule).unwrap_or(&self.default_rule)
    }

    /// The cluster of the request at hand.
    pub(crate) fn route(&self) -> Cow<'_, str> {
        if !self.pool.is_empty() {
            return Cow::Borrowed(&self.pool);
        }
        let cluster = self.host.property(paths::CLUSTER_NAME).ok().flatten();
        Cow::Owned(cluster.and_then(|cluster| String::from_utf8(cluster).ok()).unwrap_or_default())
    }

    /// A request of this VM, as others know it.
    pub(crate) const fn member(&self, stream: u32) -> Member {
        Member { vm: self.mail.vm(), stream }
    }

    /// A request has its answer, or has none: it is stored, and whoever waits for it hears of it.
    pub(crate) fn finish(&self, ask: &Ask, stream: u32, answer: Result<Stored, Unstorable>) {
        let (host, now) = (&*self.host, self.host.now());
        let kept = answer.and_then(|stored| {
            let kept = self.memory.insert(host, ask.key, &stored.entry, stored.expires, now);
            if kept { Ok(stored) } else { Err(Unstorable::TooLarge) }
        });
        match kept {
            Ok(stored) => {
                self.counters.stored.add(host, 1);
                let is_fresh = stored.is_fresh;
                if let Some(tier) = &self.tier {
                    tier.write(self, ask, stored.entry);
                }
                self.share(ask, stream, is_fresh);
            }
            Err(reason) => {
                self.counters.unstorable(host, reason);
                if let (Some(tier), Some(lease)) = (&self.tier, ask.lease) {
                    tier.give_back(self, ask.key, lease);
                }
                if reason.is_lasting() {
                    self.share(ask, stream, false);
                } else if ask.role == Role::Leader {
                    self.succeed(flights::fail(host, ask.key, self.member(stream), now, &self.limits));
                }
            }
        }
    }

    /// The answer is in memory, or nothing that others could be given ever will be: those who wait hear of it.
    pub(crate) fn share(&self, ask: &Ask, stream: u32, is_of_use: bool) {
        let (host, member) = (&*self.host, self.member(stream));
        if ask.role != Role::Leader {
            return;
        }
        if is_of_use {
            self.tell(flights::complete(host, ask.key, member), Word::Answered);
        } else {
            let until = host.now().plus(self.pass);
            self.tell(flights::pass(host, ask.key, member, until, &self.limits), Word::Alone);
        }
    }

    /// Somebody else leads from now on.
    pub(crate) fn succeed(&self, next: Option<Member>) {
        if next.is_some() {
            self.counters.successions.add(&*self.host, 1);
        }
        self.tell(next, Word::Lead);
    }

    /// Tells requests that wait.
    pub(crate) fn tell(&self, members: impl IntoIterator<Item = Member>, word: Word) {
        for member in members {
            // Who cannot be reached waits until its own time is over.
            self.mail.send(&*self.host, member, word);
        }
    }
}
