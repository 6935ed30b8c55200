//! One request, as the picker sees it.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_breaker::Fault;
use spillway_contract::error_body::ErrorCode;
use spillway_contract::headers::{DESTINATION_ENDPOINT, SERVED_BY};
use spillway_host::{Decision, Headers, Mode, Path, mode_of_request, paths, refuse, status_of};
use spillway_inference::facts::Facts;
use spillway_pool::{Attempt, Outcome, Probe, Scope};

use crate::pick::{Endpoints, Pick, Reason, pick};
use crate::root::Shared;

/// Where the decision is left for the access log.
const DECISION: Path<'_> = Path("spillway_endpoint_picker");

/// A request.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    /// What the rules say, while the request waits for its body.
    waits: Option<Mode>,
    /// While no other filter books attempts: the one that the picker believes is in flight.
    booked: Option<Attempt>,
    /// The probe that the request is to be.
    probe: Option<Probe>,
    outcome: Outcome,
}

impl Stream {
    pub(crate) fn new(shared: Option<Rc<Shared>>) -> Self {
        Self { shared, waits: None, booked: None, probe: None, outcome: Outcome::Unknown }
    }

    /// The headers have come. Whether the request goes on now.
    pub(crate) fn headers(&mut self, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let host = &*shared.host;
        let mode = mode_of_request(host, &shared.rules);
        if mode == Mode::Off {
            return self.decided(&shared, mode, &Pick::Nobody(Reason::Off));
        }
        if shared.asking.reads_bodies {
            let known = spillway_facts::known(host);
            if known.is_none() && !end_of_stream && shared.asking.wants_body(host) {
                self.waits = Some(mode);
                return Action::Pause;
            }
            return self.decide(&shared, mode, known.as_ref());
        }
        self.decide(&shared, mode, None)
    }

    /// So much of the body is there. Whether the request goes on now.
    pub(crate) fn body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        let Some(shared) = self.shared.clone() else { return Action::Continue };
        let Some(mode) = self.waits else { return Action::Continue };
        let too_long = bytes > shared.asking.max_body_bytes;
        if !end_of_stream && !too_long {
            return Action::Pause;
        }
        self.waits = None;
        let facts = if too_long {
            shared.counters.long_bodies.add(&*shared.host, 1);
            None
        } else {
            spillway_facts::take(&*shared.host, bytes, shared.asking.prefix_bytes())
        };
        self.decide(&shared, mode, facts.as_ref())
    }

    fn decide(&mut self, shared: &Shared, mode: Mode, facts: Option<&Facts>) -> Action {
        let pick = self.pick(shared, mode, facts);
        self.decided(shared, mode, &pick)
    }

    fn pick(&mut self, shared: &Shared, mode: Mode, facts: Option<&Facts>) -> Pick {
        if !shared.gauges_work {
            return Pick::Nobody(Reason::GaugesHidden);
        }
        let host = &*shared.host;
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return Pick::Nobody(Reason::NoPool) };
        let pool = shared.only_pool.or_else(|| {
            let cluster = host.property(paths::CLUSTER_NAME).ok().flatten()?;
            pools.pool(std::str::from_utf8(&cluster).ok().filter(|name| !name.is_empty())?)
        });
        let Some(pool) = pool else { return Pick::Nobody(Reason::NoPool) };
        let Ok(mut rng) = shared.rng.try_borrow_mut() else { return Pick::Nobody(Reason::NoPool) };
        let ask = shared.asking.of(host, facts);
        let enforces = mode == Mode::Enforce;
        let now = host.now();
        let picked = pick(host, &mut pools, pool, ask, enforces, &shared.policy, (now, &mut rng));
        if let Pick::Endpoints(endpoints) = &picked
            && enforces
        {
            self.probe = endpoints.probe;
            if pools.view(pool).is_some_and(|view| !view.is_booked_elsewhere()) {
                self.booked = pools.begin(pool, Some(endpoints.first), (Scope::any(), None), now);
            }
        }
        picked
    }

    /// Acts on what was decided.
    fn decided(&self, shared: &Shared, mode: Mode, pick: &Pick) -> Action {
        let host = &*shared.host;
        shared.counters.count(host, pick.reason());
        match pick {
            Pick::Endpoints(Endpoints { destinations, .. }) if mode == Mode::Enforce => {
                host.set_header(Headers::Request, DESTINATION_ENDPOINT, destinations).ok();
            }
            // A client must never choose its own endpoint, whatever the mode.
            _ => {
                host.remove_header(Headers::Request, DESTINATION_ENDPOINT).ok();
            }
        }
        if let Some(probe) = self.probe {
            host.set_property(paths::PROBE, probe.to_text().as_bytes()).ok();
        }
        let decision = Decision::new().with("reason", pick.reason().as_str());
        let decision = match pick {
            Pick::Endpoints(endpoints) => decision
                .with("endpoint", endpoints.first_address())
                .with_number("candidates", endpoints.looked_at as u64),
            _ => decision,
        };
        let decision = if mode == Mode::Observe { decision.with("mode", "observe") } else { decision };
        decision.leave(host, DECISION);
        match pick {
            Pick::AllIsolated(wait) if mode == Mode::Enforce => {
                let message = "every endpoint is isolated after failures; try again later";
                refuse(host, ErrorCode::NoEndpoint, message, *wait, "spillway_all_isolated");
                Action::Pause
            }
            _ => Action::Continue,
        }
    }

    pub(crate) fn response(&mut self) {
        let Some(shared) = &self.shared else { return };
        if self.booked.is_some() {
            self.outcome = match status_of(&*shared.host, Headers::Response) {
                Some(status @ 500..) => Outcome::Failure(Fault::Status(status)),
                _ => Outcome::Success,
            };
        }
        if shared.debug_header
            && let Ok(Some(address)) = shared.host.property(paths::UPSTREAM_ADDRESS)
            && let Ok(address) = std::str::from_utf8(&address)
        {
            shared.host.set_header(Headers::Response, SERVED_BY, address).ok();
        }
    }

    pub(crate) fn done(&mut self) {
        let Some(shared) = &self.shared else { return };
        if self.booked.is_none() && self.probe.is_none() {
            return;
        }
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return };
        let now = shared.host.now();
        if let Some(attempt) = self.booked.take() {
            pools.end(attempt, self.outcome, now);
        }
        // If the attempt was sent, it has resolved its probe by now.
        if let Some(probe) = self.probe.take() {
            pools.give_back(probe, now);
        }
    }
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
            spillway_host::panic_if_asked(&*shared.host, "endpoint-picker");
        }
        self.headers(end_of_stream)
    }

    fn on_http_request_body(&mut self, bytes: usize, end_of_stream: bool) -> Action {
        self.body(bytes, end_of_stream)
    }

    fn on_http_response_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        self.response();
        Action::Continue
    }
}
