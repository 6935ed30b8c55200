//! One attempt at one endpoint, as the upstream filter chain sees it.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_contract::error_body::ErrorCode;
use spillway_contract::headers::DESTINATION_ENDPOINT;
use spillway_host::{Decision, Headers, Host, Mode, Path, mode_of_request, paths, refuse};
use spillway_inference::facts::Facts;
use spillway_pool::{Go, PoolId, Pools, Probe, Scope};
use spillway_primitives::Timestamp;

use crate::answer::Answer;
use crate::root::Shared;

/// Where a refusal is left for the access log.
const DECISION: Path<'_> = Path("spillway_circuit_breaker");

/// An attempt.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    /// Its number among the open ones; `None` where it is not booked.
    number: Option<usize>,
    answer: Answer,
}

/// Whether the attempt goes on.
enum Sent {
    Refused,
    Yes(Option<Probe>),
}

impl Stream {
    pub(crate) fn new(shared: Option<Rc<Shared>>) -> Self {
        Self { shared, number: None, answer: Answer::default() }
    }

    /// The request's headers are about to be sent. False when it was answered here instead.
    pub(crate) fn request(&mut self) -> bool {
        let Some(shared) = self.shared.clone() else { return true };
        let host = &*shared.host;
        let mode = mode_of_request(host, &shared.rules);
        if mode == Mode::Off {
            return true;
        }
        let text = |path| host.property(path).ok().flatten().and_then(|text| String::from_utf8(text).ok());
        let Some(address) = text(paths::UPSTREAM_ADDRESS) else { return true };
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return true };
        let Some(pool) = shared.pool.or_else(|| pools.pool(&text(paths::CLUSTER_NAME)?)) else { return true };
        let facts = shared.facts();
        let scope = match mode {
            Mode::Observe => Scope::watching(),
            _ => Scope::of(facts.as_ref().and_then(Facts::model_key)),
        };
        let now = host.now();
        let place = pools.place(pool, &address, now);
        pools.follow_circuits(pool);
        let sent = place.map_or(Sent::Yes(None), |place| {
            may_send(&shared, &mut pools, (pool, place, address.as_str()), scope, now)
        });
        let Sent::Yes(probe) = sent else { return false };
        if let Some(attempt) = pools.begin(pool, place, (scope, probe), now) {
            self.answer = Answer::awaited(&shared);
            let limit =
                shared.limits.map(|limits| {
                    now.plus(limits.of(
                        facts.as_ref().map(|facts| facts.stream),
                        facts.and_then(|facts| facts.output_limit),
                    ))
                });
            self.number = shared.open.try_borrow_mut().ok().map(|mut open| open.insert(attempt, limit));
        }
        true
    }

    pub(crate) fn response_headers(&mut self, end_of_stream: bool) {
        let (Some(shared), Some(number)) = (&self.shared, self.number) else { return };
        self.answer.headers(shared, end_of_stream);
        let (Ok(open), Ok(pools)) = (shared.open.try_borrow(), shared.pools.try_borrow()) else { return };
        if let Some(attempt) = open.get(number) {
            shared.take_report(&pools, attempt);
        }
    }

    pub(crate) fn response_body(&mut self, bytes: usize, end_of_stream: bool) {
        let (Some(shared), Some(number)) = (&self.shared, self.number) else { return };
        let first_token = self.answer.body(shared, bytes, end_of_stream);
        if first_token
            && let (Ok(mut open), Ok(pools)) = (shared.open.try_borrow_mut(), shared.pools.try_borrow())
        {
            open.in_time(number);
            if let Some(attempt) = open.get(number) {
                pools.first_token(attempt, shared.host.now());
            }
        }
    }

    pub(crate) fn done(&mut self) {
        let (Some(shared), Some(number)) = (&self.shared, self.number.take()) else { return };
        let outcome = self.answer.outcome(shared);
        shared.count(outcome);
        let attempt = shared.open.try_borrow_mut().ok().and_then(|mut open| open.take(number));
        if let (Some(attempt), Ok(mut pools)) = (attempt, shared.pools.try_borrow_mut()) {
            pools.end(attempt, outcome, shared.host.now());
        }
    }
}

/// Whether an attempt may be sent to the endpoint that somebody chose for it; refuses it if not.
fn may_send(
    shared: &Shared,
    pools: &mut Pools,
    (pool, place, address): (PoolId, u32, &str),
    scope: Scope,
    now: Timestamp,
) -> Sent {
    let host = &*shared.host;
    let closed = pools.view(pool).is_none_or(|view| !view.is_isolated(place, scope));
    if closed {
        return Sent::Yes(None);
    }
    let presented = host.property(paths::PROBE).ok().flatten();
    if let Some(probe) = presented.and_then(|text| pools.presented(pool, place, &text)) {
        shared.counters.probes.add(host, 1);
        return Sent::Yes(Some(probe));
    }
    match pools.admit(pool, place, scope, now) {
        Go::Free => Sent::Yes(None),
        Go::Probe(probe) => {
            shared.counters.probes.add(host, 1);
            Sent::Yes(Some(probe))
        }
        Go::Refused { .. } if scope.is_watching() => {
            shared.counters.refused_observed.add(host, 1);
            Sent::Yes(None)
        }
        // The picker named it while its circuit was closed. Refusing now would be final, sending may still be retried.
        Go::Refused { .. } if was_picked(host, address) => Sent::Yes(None),
        Go::Refused { retry_at } => {
            shared.counters.refused.add(host, 1);
            let wait = retry_at.since(now);
            Decision::new()
                .with("reason", "circuit_open")
                .with("endpoint", address)
                .with_number("retry_after_ms", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
                .leave(host, DECISION);
            let message = "the endpoint is isolated after failures; try again later";
            refuse(host, ErrorCode::NoEndpoint, message, wait, "spillway_circuit_open");
            Sent::Refused
        }
    }
}

/// Whether the endpoint-picker named the endpoint for this request.
fn was_picked(host: &dyn Host, address: &str) -> bool {
    let destinations = host.header(Headers::Request, DESTINATION_ENDPOINT).ok().flatten();
    destinations.is_some_and(|list| {
        list.split(|byte| *byte == b',').any(|one| one.trim_ascii() == address.as_bytes())
    })
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        self.done();
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        #[cfg(feature = "chaos")]
        if let Some(shared) = &self.shared {
            spillway_host::panic_if_asked(&*shared.host, "circuit-breaker");
        }
        if self.request() { Action::Continue } else { Action::Pause }
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
        self.answer.is_whole();
        Action::Continue
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
