//! One request and its answer.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_contract::headers::PRIORITY;
use spillway_host::{Decision, HeaderBlock, Headers, Mode, Path, RequestLine};
use spillway_inference::api::Api;
use spillway_inference::facts::Facts;
use spillway_primitives::Timestamp;
use spillway_shedding::admission::{Situation, Verdict, admit};
use spillway_shedding::budget::Charged;
use spillway_shedding::limit::Class;
use spillway_shedding::queue::{Enqueued, Waiter};
use spillway_shedding::reason::Reason;

use crate::answer::{Answer, Going};
use crate::body::{Degraded, degrade, tell};
use crate::budgets::Charge;
use crate::classes::Who;
use crate::config::ShedRule;
use crate::mail::Word;
use crate::pool::Pool;
use crate::refusal::{OfBudget, Refusal};
use crate::shared::Shared;
use crate::standing;
use crate::waiting::Waits;

/// Where the decision is left for the access log.
const DECISION: Path<'_> = Path("spillway_load_shedder");

/// Tokens of an answer whose request sets no limit, for its estimate.
const ASSUMED_OUTPUT: u64 = 256;
/// Bytes of a prompt that are about one token.
const BYTES_PER_TOKEN: u64 = 4;

/// A request.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    /// Its context's number.
    id: u32,
    state: State,
    degraded: Degraded,
}

/// How far it has come.
enum State {
    /// Nothing is done with it.
    Untouched,
    /// Its body is awaited.
    Body(Box<Head>),
    /// It waits for its turn, or did until it was let go; what it goes on with is kept with all that wait.
    Waits,
    /// It was sent on.
    Sent(Box<Answer>),
}

/// What its headers say.
struct Head {
    headers: HeaderBlock,
    api: Api,
    pool: usize,
}

impl Head {
    fn line(&self) -> RequestLine<'_> {
        RequestLine::of(&self.headers)
    }
}

/// A request whose place in the world is known.
struct Arrival<'a> {
    head: &'a Head,
    rule: &'a ShedRule,
    who: Who,
    facts: Option<Facts>,
    /// The length of its body, where all of it is there.
    bytes: Option<usize>,
    now: Timestamp,
}

impl Arrival<'_> {
    fn prompt_tokens(&self) -> u64 {
        self.facts.as_ref().map_or(0, |facts| u64::from(facts.prompt_bytes) / BYTES_PER_TOKEN)
    }

    /// The most tokens that are generated for it, as far as is known.
    fn output_tokens(&self) -> u64 {
        if !self.head.api.generates() {
            return 0;
        }
        self.facts.as_ref().and_then(|facts| facts.output_limit).map_or(ASSUMED_OUTPUT, u64::from)
    }

    /// The kind of request that it is, by what is known of it.
    fn class(&self) -> Class {
        match &self.facts {
            Some(facts) => Class::of(facts.stream && self.head.api.generates(), self.prompt_tokens()),
            None => Class::of(false, u64::MAX),
        }
    }

    fn going(&self, charge: Option<Charge>) -> Going {
        let Head { pool, api, .. } = *self.head;
        Going { pool, level: self.who.level, class: self.class(), api, charge }
    }
}

impl Stream {
    pub(crate) fn new(shared: Option<Rc<Shared>>, id: u32) -> Self {
        Self { shared, id, state: State::Untouched, degraded: Degraded::default() }
    }

    /// The request's headers have come.
    pub(crate) fn headers(&mut self, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let host = &*shared.host;
        let Ok(headers) = host.headers(Headers::Request) else { return Action::Continue };
        let api = api_of(&headers).filter(|_| !end_of_stream);
        let Some((api, pool)) = api.zip(shared.pool_of_request()) else {
            shared.counters.passed.add(host, 1);
            return Action::Continue;
        };
        let head = Head { headers, api, pool };
        if !shared.needs_model() && shared.rule(head.line(), None).mode == Mode::Off {
            return Action::Continue;
        }
        let length =
            head.headers.get("content-length").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > shared.max_body_bytes) {
            shared.counters.long_bodies.add(host, 1);
            return self.decide(&shared, &head, None);
        }
        self.state = State::Body(Box::new(head));
        Action::Pause
    }

    /// So much of the request's body is there.
    pub(crate) fn body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let is_too_long = bytes > shared.max_body_bytes;
        match std::mem::replace(&mut self.state, State::Untouched) {
            State::Body(head) if end_of_stream && !is_too_long => self.decide(&shared, &head, Some(bytes)),
            State::Body(head) if is_too_long => {
                shared.counters.long_bodies.add(&*shared.host, 1);
                self.decide(&shared, &head, None)
            }
            // While it waits, nothing may go on by itself.
            state @ (State::Body(_) | State::Waits) => {
                self.state = state;
                Action::Pause
            }
            state => {
                self.state = state;
                Action::Continue
            }
        }
    }

    fn decide(&mut self, shared: &Shared, head: &Head, bytes: Option<usize>) -> Action {
        let host = &*shared.host;
        let read = || {
            bytes.and_then(|bytes| {
                spillway_facts::known(host).or_else(|| spillway_facts::take(host, bytes, 0))
            })
        };
        let facts = if shared.needs_model() { read() } else { None };
        let rule = shared.rule(head.line(), facts.as_ref().and_then(|facts| facts.model.as_deref()));
        if rule.mode == Mode::Off {
            return Action::Continue;
        }
        let observes = rule.mode == Mode::Observe;
        let who = shared.classes.of(&head.headers, shared.classes.levels.named(&rule.level));
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return Action::Continue };
        let Some(pool) = pools.get_mut(head.pool) else { return Action::Continue };
        pool.arrived(who.level);
        let situation = pool.situation(host, &shared.rules);
        let verdict = admit(who.level, &situation);
        let refused = match verdict {
            Verdict::Refuse(reason) => Some(reason),
            // Nobody holds a body that is longer than what may be held.
            Verdict::Queue if bytes.is_none() => Some(Reason::QueueFull),
            Verdict::Queue if pool.is_full(who.level, &situation.waiting, &shared.rules) => {
                Some(Reason::QueueFull)
            }
            Verdict::Queue | Verdict::Admit => None,
        };
        if let Some(reason) = refused.filter(|_| !observes) {
            pool.refused();
            shared.refuse(pool, who.level, reason);
            return Action::Pause;
        }
        // What is refused is not read.
        let facts = facts.or_else(read);
        let arrival = Arrival { head, rule, who, facts, bytes, now: host.now() };
        if observes && verdict != Verdict::Admit {
            shared.counters.observed.add(host, 1);
        }
        if verdict == Verdict::Admit || observes {
            self.admit(shared, pool, &arrival)
        } else {
            self.wait(shared, pool, &arrival, &situation)
        }
    }

    /// It goes on now.
    fn admit(&mut self, shared: &Shared, pool: &mut Pool, arrival: &Arrival<'_>) -> Action {
        let host = &*shared.host;
        let Ok(charge) = charge(shared, pool, arrival) else { return Action::Pause };
        self.prepare(shared, pool, arrival);
        let going = arrival.going(charge);
        shared.counters.admitted(host, going.level);
        let sent = pool.send(host, (going.class, Duration::ZERO), arrival.now);
        self.state = State::Sent(Box::new(Answer::awaited(going, sent, arrival.now)));
        self.leave_decision(shared, "admitted", arrival);
        Action::Continue
    }

    /// It would like to wait for its turn.
    fn wait(
        &mut self,
        shared: &Shared,
        pool: &mut Pool,
        arrival: &Arrival<'_>,
        situation: &Situation,
    ) -> Action {
        let (host, now) = (&*shared.host, arrival.now);
        let (level, member) = (arrival.who.level, shared.member(self.id));
        let service = pool.first_token(arrival.class());
        let deadline = shared.deadline(&arrival.head.headers, arrival.rule, service, now);
        let tenant = u32::try_from(arrival.who.tenant >> 32).unwrap_or_default();
        let waiter = Waiter { member, level, tenant, deadline };
        match pool.enqueue(host, (&waiter, &situation.waiting), now, &shared.rules) {
            Enqueued::Refused(reason) => {
                shared.refuse(pool, level, reason);
                return Action::Pause;
            }
            Enqueued::Waits { preempted: Some(member) } => {
                shared.mail.send(host, pool.number, member, Word::Preempted);
            }
            Enqueued::Waits { preempted: None } => {}
        }
        let Ok(charge) = charge(shared, pool, arrival) else {
            pool.leave(host, member);
            return Action::Pause;
        };
        self.prepare(shared, pool, arrival);
        let waits = Waits { going: arrival.going(charge), arrived: now, deadline };
        if let Ok(mut waiting) = shared.waiting.try_borrow_mut() {
            waiting.insert(self.id, waits);
        }
        shared.counters.queued(host, level);
        self.leave_decision(shared, "queued", arrival);
        self.state = State::Waits;
        Action::Pause
    }

    /// What the inference worker is told, and asked for.
    fn prepare(&mut self, shared: &Shared, pool: &Pool, arrival: &Arrival<'_>) {
        let host = &*shared.host;
        let level = arrival.who.level;
        // What a client said of itself is never passed on.
        host.set_header(Headers::Request, PRIORITY, shared.classes.levels.name(level)).ok();
        if let Some(bytes) = arrival.bytes
            && arrival.rule.mode == Mode::Enforce
        {
            let api = arrival.head.api;
            self.degraded = degrade(host, (pool.step(), level), arrival.rule, (api, bytes));
            shared.degraded(pool, level, self.degraded);
        }
    }

    fn leave_decision(&self, shared: &Shared, result: &str, arrival: &Arrival<'_>) {
        let level = shared.classes.levels.name(arrival.who.level);
        let decision = Decision::new().with("result", result).with("level", level);
        let decision =
            if self.degraded.any() { decision.with("degraded", self.degraded.as_str()) } else { decision };
        let decision =
            if arrival.rule.mode == Mode::Observe { decision.with("mode", "observe") } else { decision };
        decision.leave(&*shared.host, DECISION);
    }

    pub(crate) fn response_headers(&mut self, end_of_stream: bool) {
        let Some(shared) = self.shared.clone() else { return };
        self.take_over(&shared);
        tell(&*shared.host, self.degraded);
        if let State::Sent(answer) = &mut self.state {
            standing::tell(&*shared.host, answer.going.charge.as_ref());
            let begins = answer.headers(&*shared.host, end_of_stream);
            begun(&shared, answer, begins);
        }
    }

    pub(crate) fn response_body(&mut self, bytes: usize, end_of_stream: bool) {
        let Some(shared) = &self.shared else { return };
        if let State::Sent(answer) = &mut self.state {
            let begins = answer.body(&*shared.host, bytes, end_of_stream);
            begun(shared, answer, begins);
        }
    }

    pub(crate) fn response_trailers(&mut self) {
        let Some(shared) = &self.shared else { return };
        if let State::Sent(answer) = &mut self.state {
            let begins = answer.is_whole();
            begun(shared, answer, begins);
        }
    }

    pub(crate) fn done(&mut self) {
        let Some(shared) = self.shared.clone() else { return };
        self.take_over(&shared);
        match std::mem::replace(&mut self.state, State::Untouched) {
            State::Sent(answer) => {
                let end = answer.end(&*shared.host);
                shared.ended(&answer, end);
            }
            State::Waits => self.left(&shared),
            State::Untouched | State::Body(_) => {}
        }
    }

    /// Its client went away while it waited.
    fn left(&self, shared: &Shared) {
        let waits = shared.waiting.try_borrow_mut().ok().and_then(|mut waiting| waiting.take(self.id));
        let Some(waits) = waits else { return };
        let host = &*shared.host;
        shared.counters.left(host, waits.going.level);
        shared.gave_up(&waits);
        if let Ok(pools) = shared.pools.try_borrow()
            && let Some(pool) = pools.get(waits.going.pool)
        {
            pool.leave(host, shared.member(self.id));
        }
    }

    /// If it waited and was let go, it goes on with what was kept for it.
    fn take_over(&mut self, shared: &Shared) {
        if matches!(self.state, State::Waits)
            && let Ok(mut let_go) = shared.let_go.try_borrow_mut()
            && let Some(answer) = let_go.remove(&self.id)
        {
            self.state = State::Sent(Box::new(answer));
        }
    }
}

/// Charges its tenant. `Err` when it was refused for that.
fn charge(shared: &Shared, pool: &Pool, arrival: &Arrival<'_>) -> Result<Option<Charge>, ()> {
    let host = &*shared.host;
    let prompt_tokens = arrival.prompt_tokens();
    let tokens = prompt_tokens.saturating_add(arrival.output_tokens());
    let is_dry = shared.budgets.dry_run || arrival.rule.mode == Mode::Observe;
    match shared.budgets.charge(host, &arrival.who, tokens, arrival.now) {
        None => Ok(None),
        Some(Charged::Within(standing)) => {
            let told = (!is_dry).then_some(standing);
            Ok(Some(Charge { who: arrival.who, prompt_tokens, tokens, told }))
        }
        Some(Charged::Over { .. }) if is_dry => {
            shared.counters.budgets_observed.add(host, 1);
            Ok(None)
        }
        Some(Charged::Over { reason, retry_after, standing }) => {
            let quota = arrival.who.quota;
            let hopeless = reason == Reason::OverTokenBudget
                && quota.tokens_per_minute.is_some_and(|most| tokens > most);
            let refusal = Refusal { reason, hopeless };
            shared.rate_limit((pool, arrival.who.level), refusal, retry_after, &OfBudget { quota, standing });
            Err(())
        }
    }
}

/// An answer has begun, if it has.
fn begun(shared: &Shared, answer: &Answer, begins: bool) {
    if begins
        && let Ok(mut pools) = shared.pools.try_borrow_mut()
        && let Some(pool) = pools.get_mut(answer.going.pool)
    {
        let now = shared.host.now();
        pool.started(now, &answer.sent, now.since(answer.sent_at));
    }
}

/// The API that a request is for; `None` where it is for none, or in a form that is not understood.
fn api_of(headers: &HeaderBlock) -> Option<Api> {
    let line = RequestLine::of(headers);
    let is_json = headers.get("content-type").is_none_or(|kind| {
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    let is_plain = line.method == b"POST" && is_json && headers.get("upgrade").is_none();
    if is_plain { Api::from_path(std::str::from_utf8(line.path).ok()?) } else { None }
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        self.done();
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "chaos")]
        if let Some(shared) = &self.shared {
            spillway_host::panic_if_asked(&*shared.host, "load-shedder");
        }
        self.headers(end_of_stream)
    }

    fn on_http_request_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.body(bytes, end_of_stream)
    }

    fn on_http_response_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        self.response_headers(end_of_stream);
        Action::Continue
    }

    fn on_http_response_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.response_body(bytes, end_of_stream);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        self.response_trailers();
        Action::Continue
    }
}

#[cfg(test)]
mod tests;
