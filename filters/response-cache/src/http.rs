//! One request and its answer.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_caching::eligible::{Bypass, OnMiss};
use spillway_caching::flight::Joined;
use spillway_caching::freshness::{Circumstances, State as Freshness};
use spillway_caching::status::{CacheStatus, Forward, Tier};
use spillway_caching::storable::Unstorable;
use spillway_contract::cache::protocol;
use spillway_host::{Buffer, HeaderBlock, Headers, Host, paths};
use spillway_primitives::Timestamp;

use crate::answer::{self, Answer};
use crate::ask::{Ask, Head, Looked, Role, look};
use crate::counters::Hit;
use crate::memory::Found;
use crate::reply::{self, Origin};
use crate::shared::Shared;
use crate::tier::{Question, Said};
use crate::{entry, flights};

const CACHE_STATUS: &str = "cache-status";

/// A request.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    /// Its context's number.
    id: u32,
    state: State,
}

/// How far it has come.
enum State {
    /// Nothing is done with it.
    Untouched,
    /// It goes past the cache.
    Bypassed(Bypass),
    /// Its body is awaited.
    Body(Head),
    /// The cache tier is asked.
    Asks(Box<Ask>, Question),
    /// It waits for another one's answer, or did until it was let go on; what it asks is kept with all that wait.
    Waits,
    /// It was sent on.
    Sent(Box<Ask>),
    /// Its answer passes by.
    Answering(Box<Ask>, Answer),
    /// It was answered here.
    Answered,
}

impl Stream {
    pub(crate) const fn new(shared: Option<Rc<Shared>>, id: u32) -> Self {
        Self { shared, id, state: State::Untouched }
    }

    /// The request's headers have come.
    pub(crate) fn headers(&mut self, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let Ok(headers) = shared.host.headers(Headers::Request) else { return Action::Continue };
        match look(&shared, headers, end_of_stream) {
            Looked::Off => Action::Continue,
            Looked::Bypass(reason, on_miss) => self.bypass(&shared, reason, on_miss),
            Looked::Body(head) => {
                self.state = State::Body(head);
                Action::Pause
            }
            Looked::Ask(ask, headers) => self.consult(&shared, ask, (&headers, &[])),
        }
    }

    /// So much of the request's body is there.
    pub(crate) fn body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        if !matches!(self.state, State::Body(_)) {
            // While it waits or asks, nothing may go on by itself.
            return if self.is_held() { Action::Pause } else { Action::Continue };
        }
        if !end_of_stream && bytes <= shared.max_body_bytes {
            return Action::Pause;
        }
        let State::Body(head) = std::mem::replace(&mut self.state, State::Untouched) else {
            return Action::Continue;
        };
        let on_miss = head.on_miss();
        if bytes > shared.max_body_bytes {
            return self.bypass(&shared, Bypass::BodyTooLarge, on_miss);
        }
        let body = shared.host.buffer(Buffer::RequestBody, 0, bytes).unwrap_or_default();
        match head.with_body(&shared, &body) {
            Ok(ask) => self.consult(&shared, Box::new(ask), (&head.headers, &body)),
            Err(Some(reason)) => self.bypass(&shared, reason, on_miss),
            Err(None) => Action::Continue,
        }
    }

    const fn is_held(&self) -> bool {
        matches!(self.state, State::Asks(..) | State::Waits)
    }

    fn bypass(&mut self, shared: &Shared, reason: Bypass, on_miss: OnMiss) -> Action {
        shared.counters.bypass(&*shared.host, reason);
        if on_miss == OnMiss::GatewayTimeout {
            // There will never be an entry for it.
            reply::not_cached(shared);
            self.state = State::Answered;
            return Action::Pause;
        }
        reply::leave_decision(&*shared.host, "bypass", Some(reason.as_str()));
        self.state = State::Bypassed(reason);
        Action::Continue
    }

    /// The request's key is known. `sent` is what the client sent, in case that is to be sent again.
    fn consult(&mut self, shared: &Shared, mut ask: Box<Ask>, sent: (&HeaderBlock, &[u8])) -> Action {
        let (host, now) = (&*shared.host, shared.host.now());
        let found = if ask.terms.lookup { shared.memory.find(host, ask.key) } else { None };
        match found.map(|found| self.judge(shared, &mut ask, found, now)) {
            Some(Ok((found, state))) => {
                if ask.observes {
                    shared.counters.hits_observed.add(host, 1);
                    return self.send(shared, ask);
                }
                self.hit(shared, &ask, &found, Tier::Memory, state, now);
                if state == Freshness::StaleWhileRevalidate {
                    shared.refresh(ask, sent.0, sent.1);
                }
                return Action::Pause;
            }
            Some(Err(())) => {}
            None if !ask.terms.lookup => ask.forward = Forward::Request,
            None => {}
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

    /// As what an entry serves; if it does not, the request learns why, and keeps it in case the upstream fails.
    fn judge(
        &self,
        shared: &Shared,
        ask: &mut Ask,
        found: Found,
        now: Timestamp,
    ) -> Result<(Found, Freshness), ()> {
        let freshness = entry::freshness(&found.entry(), shared.rule(ask));
        let is_fresh = freshness.remaining(now).is_ok();
        let busy = !is_fresh && shared.busy.is(&*shared.host, &shared.route());
        let circumstances = Circumstances { busy, upstream_failed: false };
        if let Some(state) = ask.terms.serves(&freshness, now, circumstances) {
            return Ok((found, state));
        }
        ask.forward = if is_fresh { Forward::Request } else { Forward::Stale };
        let failed = Circumstances { busy, upstream_failed: true };
        if ask.terms.serves(&freshness, now, failed).is_some() {
            ask.stale = Some(found);
        }
        Err(())
    }

    fn hit(
        &mut self,
        shared: &Shared,
        ask: &Ask,
        found: &Found,
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
        reply::entry(shared, ask, found, Origin::Tier(tier, state), now);
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
            Said::Entry(found, from) => match self.judge(&shared, &mut ask, found, now) {
                Ok((found, state)) => {
                    let expires = entry::freshness(&found.entry(), shared.rule(&ask)).forgotten_at();
                    let kept = shared.memory.insert(host, ask.key, found.bytes(), expires, now);
                    shared.share(&ask, self.id, kept && state == Freshness::Fresh);
                    if ask.observes {
                        shared.counters.hits_observed.add(host, 1);
                        self.send(&shared, ask)
                    } else {
                        self.hit(&shared, &ask, &found, tier_word(from), state, now);
                        Action::Pause
                    }
                }
                Err(()) => self.missed(&shared, ask),
            },
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

    /// The answer's headers have come.
    pub(crate) fn response_headers(&mut self, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let host = &*shared.host;
        let ask = match std::mem::replace(&mut self.state, State::Untouched) {
            State::Sent(ask) => ask,
            State::Waits => {
                match shared.waiting.try_borrow_mut().ok().and_then(|mut all| all.take(self.id)) {
                    Some((ask, true)) => ask,
                    // Answered by another one's answer, which passes here now; or by somebody else before it went on.
                    Some((ask, false)) => {
                        shared.succeed(flights::leave(
                            host,
                            ask.key,
                            shared.member(self.id),
                            host.now(),
                            &shared.limits,
                        ));
                        return Action::Continue;
                    }
                    None => return Action::Continue,
                }
            }
            State::Bypassed(reason) => {
                let forward = if reason == Bypass::Method { Forward::Method } else { Forward::Bypass };
                say(host, CacheStatus::forward(forward).detail(reason.as_str()));
                return Action::Continue;
            }
            // Envoy answers while the tier is asked: for what that says it is too late.
            State::Asks(ask, _) => {
                shared.finish(&ask, self.id, Err(Unstorable::Incomplete));
                self.state = State::Answered;
                return Action::Continue;
            }
            other => {
                self.state = other;
                return Action::Continue;
            }
        };
        let Ok(head) = host.headers(Headers::Response) else {
            shared.finish(&ask, self.id, Err(Unstorable::Incomplete));
            return Action::Continue;
        };
        if answer::status(&head) >= 500 && self.answers_stale(&shared, &ask) {
            shared.finish(&ask, self.id, Err(Unstorable::Status));
            return Action::Pause;
        }
        let status = reply::with_key(&shared, &ask, CacheStatus::forward(ask.forward));
        say(host, if ask.collapsed { status.collapsed() } else { status });
        match Answer::begin(&shared, &ask, head) {
            Ok(answer) => {
                self.state = State::Answering(ask, answer);
                if end_of_stream {
                    self.ended(true);
                }
            }
            Err(reason) => shared.finish(&ask, self.id, Err(reason)),
        }
        Action::Continue
    }

    /// Whether a stale entry was given instead of an error (RFC 5861, section 4).
    fn answers_stale(&mut self, shared: &Shared, ask: &Ask) -> bool {
        let Some(found) = ask.stale.as_ref().filter(|_| !ask.observes) else { return false };
        // The upstream may have taken its time.
        let (now, freshness) = (shared.host.now(), entry::freshness(&found.entry(), shared.rule(ask)));
        let failed = Circumstances { busy: false, upstream_failed: true };
        let Some(state) = ask.terms.serves(&freshness, now, failed) else { return false };
        self.hit(shared, ask, found, Tier::Memory, state, now);
        true
    }

    pub(crate) fn response_body(&mut self, bytes: usize, end_of_stream: bool) {
        let Some(shared) = &self.shared else { return };
        if let State::Answering(_, answer) = &mut self.state {
            answer.take(shared, bytes);
        }
        if end_of_stream {
            self.ended(true);
        }
    }

    /// The answer is over, or broke off.
    fn ended(&mut self, is_whole: bool) {
        let Some(shared) = self.shared.clone() else { return };
        match std::mem::replace(&mut self.state, State::Answered) {
            State::Answering(ask, answer) => {
                let stored = answer.end(&shared, &ask, is_whole);
                shared.finish(&ask, self.id, stored);
            }
            other => self.state = other,
        }
    }

    pub(crate) fn done(&mut self) {
        let Some(shared) = self.shared.clone() else { return };
        self.ended(false);
        let gone = match std::mem::replace(&mut self.state, State::Answered) {
            State::Asks(ask, _) | State::Sent(ask) => Some(ask),
            State::Waits => {
                let waited = shared.waiting.try_borrow_mut().ok().and_then(|mut all| all.take(self.id));
                match waited {
                    Some((ask, true)) => Some(ask),
                    Some((ask, false)) => {
                        let (host, now) = (&*shared.host, shared.host.now());
                        shared.succeed(flights::leave(
                            host,
                            ask.key,
                            shared.member(self.id),
                            now,
                            &shared.limits,
                        ));
                        None
                    }
                    None => None,
                }
            }
            _ => None,
        };
        if let Some(ask) = gone {
            shared.finish(&ask, self.id, Err(Unstorable::Incomplete));
        }
    }
}

fn say(host: &dyn Host, status: CacheStatus) {
    host.set_header(Headers::Response, CACHE_STATUS, &status.to_string()).ok();
}

const fn tier_word(tier: protocol::Tier) -> Tier {
    match tier {
        protocol::Tier::Memory => Tier::TierMemory,
        protocol::Tier::Disk => Tier::Disk,
        protocol::Tier::Redis => Tier::Redis,
        protocol::Tier::Store => Tier::Store,
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_bytes: usize, _trailers: usize) {
        self.tier_said(token, body_bytes);
    }

    fn on_done(&mut self) -> bool {
        self.done();
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "chaos")]
        if let Some(shared) = &self.shared {
            spillway_host::panic_if_asked(&*shared.host, "response-cache");
        }
        self.headers(end_of_stream)
    }

    fn on_http_request_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.body(bytes, end_of_stream)
    }

    fn on_http_response_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        self.response_headers(end_of_stream)
    }

    fn on_http_response_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.response_body(bytes, end_of_stream);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        self.ended(true);
        Action::Continue
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
