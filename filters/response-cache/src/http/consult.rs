//! What a request is given: an entry, another one's answer, or leave to go on.

use proxy_wasm::types::Action;
use spillway_caching::eligible::OnMiss;
use spillway_caching::flight::Joined;
use spillway_caching::freshness::{Circumstances, State as Freshness};
use spillway_caching::status::{Forward, Tier};
use spillway_contract::cache::entry::EntryRef;
use spillway_contract::cache::protocol;
use spillway_host::{HeaderBlock, paths};
use spillway_primitives::Timestamp;

use super::{State, Stream};
use crate::ask::{Ask, Role};
use crate::counters::Hit;
use crate::memory::Found;
use crate::reply::{self, Origin};
use crate::shared::Shared;
use crate::tier::Said;
use crate::{entry, flights};

impl Stream {
    /// The request's key is known. `sent` is what the client sent, in case that is to be sent again.
    pub(super) fn consult(
        &mut self,
        shared: &Shared,
        mut ask: Box<Ask>,
        sent: (&HeaderBlock, &[u8]),
    ) -> Action {
        let (host, now) = (&*shared.host, shared.host.now());
        let found = if ask.terms.lookup { shared.memory.find(host, ask.key) } else { None };
        let entry = found.as_ref().and_then(Found::entry);
        let verdict = entry.as_ref().map(|entry| judge(shared, &ask, entry, now));
        match (verdict, &entry) {
            (Some(Verdict::Serves(state)), Some(entry)) => {
                if ask.observes {
                    shared.counters.hits_observed.add(host, 1);
                    return self.send(shared, ask);
                }
                self.hit(shared, &ask, entry, Tier::Memory, state, now);
                if state == Freshness::StaleWhileRevalidate {
                    shared.refresh(ask, sent.0, sent.1);
                }
                return Action::Pause;
            }
            (Some(Verdict::Fails { forward, serves_failure }), _) => {
                ask.forward = forward;
                ask.stale = found.filter(|_| serves_failure);
            }
            _ if !ask.terms.lookup => ask.forward = Forward::Request,
            _ => {}
        }
        let wants_only_entries = ask.terms.on_miss == OnMiss::GatewayTimeout;
        if !wants_only_entries && !self.joins(shared, &mut ask, now) {
            let until = now.plus(shared.follower_timeout);
            if let Ok(mut waiting) = shared.waiting.try_borrow_mut() {
                shared.counters.followers.add(host, 1);
                waiting.insert(self.id, ask, until);
                self.state = State::Waits;
                return Action::Pause;
            }
            return Action::Continue;
        }
        if ask.terms.lookup
            && let Some(tier) = &shared.tier
            && let Some(question) = tier.ask(shared, ask.key, ask.role == Role::Leader)
        {
            self.state = State::Asks(ask, question);
            return Action::Pause;
        }
        self.missed(shared, ask)
    }

    /// Nobody has the entry.
    fn missed(&mut self, shared: &Shared, ask: Box<Ask>) -> Action {
        if ask.terms.on_miss == OnMiss::GatewayTimeout && !ask.observes {
            reply::not_cached(shared);
            self.state = State::Answered;
            return Action::Pause;
        }
        self.send(shared, ask)
    }

    fn send(&mut self, shared: &Shared, ask: Box<Ask>) -> Action {
        shared.counters.misses.add(&*shared.host, 1);
        reply::leave_decision(&*shared.host, "miss", None);
        self.state = State::Sent(ask);
        Action::Continue
    }

    pub(super) fn hit(
        &mut self,
        shared: &Shared,
        ask: &Ask,
        entry: &EntryRef<'_>,
        tier: Tier,
        state: Freshness,
        now: Timestamp,
    ) {
        let hit = match (state, tier) {
            (Freshness::Fresh, Tier::Memory) => Hit::Memory,
            (Freshness::Fresh, _) => Hit::Tier,
            _ => Hit::Stale,
        };
        shared.counters.hit(&*shared.host, hit);
        reply::entry(shared, ask, entry, Origin::Tier(tier, state), now);
        self.state = State::Answered;
    }

    /// Whether the request is to be computed now; else it waits for another one's answer.
    fn joins(&self, shared: &Shared, ask: &mut Ask, now: Timestamp) -> bool {
        let rule = shared.rule(ask);
        let coalesces = rule.coalesce && (rule.coalesce_streams || !ask.stream);
        if !coalesces || !ask.terms.lookup || ask.observes {
            return true;
        }
        let host = &*shared.host;
        let level = host.property(paths::LEVEL).ok().flatten();
        let level = level.and_then(|level| level.first().copied()).unwrap_or(u8::MAX);
        match flights::join(host, ask.key, shared.member(self.id), level, now, &shared.limits) {
            Some(Joined::Follow) => false,
            Some(Joined::Lead) => {
                ask.role = Role::Leader;
                true
            }
            Some(Joined::Alone(_)) | None => true,
        }
    }

    /// The cache tier has an entry.
    fn found_in_tier(
        &mut self,
        shared: &Shared,
        mut ask: Box<Ask>,
        found: Found,
        tier: Tier,
        now: Timestamp,
    ) -> Action {
        let Some(entry) = found.entry() else { return self.missed(shared, ask) };
        match judge(shared, &ask, &entry, now) {
            Verdict::Serves(state) => {
                let expires = entry::freshness(&entry, shared.rule(&ask)).forgotten_at();
                let kept = shared.memory.insert(&*shared.host, ask.key, found.bytes(), expires, now);
                shared.share(&ask, self.id, kept && state == Freshness::Fresh);
                if ask.observes {
                    shared.counters.hits_observed.add(&*shared.host, 1);
                    return self.send(shared, ask);
                }
                self.hit(shared, &ask, &entry, tier, state, now);
                Action::Pause
            }
            Verdict::Fails { forward, serves_failure } => {
                ask.forward = forward;
                ask.stale = Some(found).filter(|_| serves_failure);
                self.missed(shared, ask)
            }
        }
    }

    /// The cache tier has answered.
    pub(crate) fn tier_said(&mut self, token: u32, body_bytes: usize) {
        let Some(shared) = self.shared.clone() else { return };
        let (State::Asks(_, question), Some(tier)) = (&self.state, &shared.tier) else { return };
        if !question.is(token) {
            return;
        }
        let State::Asks(mut ask, question) = std::mem::replace(&mut self.state, State::Untouched) else {
            return;
        };
        let (host, now) = (&*shared.host, shared.host.now());
        let action = match tier.said(&shared, ask.key, question, body_bytes) {
            Said::Entry(found, from) => self.found_in_tier(&shared, ask, found, tier_word(from), now),
            Said::Compute(lease) => {
                ask.lease = lease;
                self.missed(&shared, ask)
            }
            Said::Taken => match tier.wait(&shared, ask.key) {
                Some(question) => {
                    self.state = State::Asks(ask, question);
                    Action::Pause
                }
                None => self.missed(&shared, ask),
            },
        };
        if action == Action::Continue
            && let Err(error) = host.resume_request()
        {
            log::warn!("a request that asked the cache tier cannot be sent on: {error}");
        }
    }
}

/// What an entry is to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is the answer, as this.
    Serves(Freshness),
    /// It is not, for this reason.
    Fails {
        forward: Forward,
        /// But it would be, if the upstream failed.
        serves_failure: bool,
    },
}

fn judge(shared: &Shared, ask: &Ask, entry: &EntryRef<'_>, now: Timestamp) -> Verdict {
    let freshness = entry::freshness(entry, shared.rule(ask));
    let is_fresh = freshness.remaining(now).is_ok();
    let busy = !is_fresh && shared.busy.is(&*shared.host, &shared.route());
    if let Some(state) = ask.terms.serves(&freshness, now, Circumstances { busy, upstream_failed: false }) {
        return Verdict::Serves(state);
    }
    let forward = if is_fresh { Forward::Request } else { Forward::Stale };
    let failed = Circumstances { busy, upstream_failed: true };
    Verdict::Fails { forward, serves_failure: ask.terms.serves(&freshness, now, failed).is_some() }
}

const fn tier_word(tier: protocol::Tier) -> Tier {
    match tier {
        protocol::Tier::Memory => Tier::TierMemory,
        protocol::Tier::Disk => Tier::Disk,
        protocol::Tier::Redis => Tier::Redis,
        protocol::Tier::Store => Tier::Store,
    }
}
