//! One request, as the picker sees it.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use spillway_contract::headers::{DESTINATION_ENDPOINT, SERVED_BY};
use spillway_host::{Decision, Headers, Mode, Path, mode_of_request, paths};
use spillway_pool::{Attempt, Outcome};

use crate::pick::{Picked, Reason, pick};
use crate::root::Shared;

/// Where the decision is left for the access log.
const DECISION: Path<'_> = Path("spillway_endpoint_picker");

/// A request.
pub(crate) struct Stream {
    shared: Option<Rc<Shared>>,
    /// While no other filter books attempts: the one that the picker believes is in flight.
    booked: Option<Attempt>,
    outcome: Outcome,
}

impl Stream {
    pub(crate) fn new(shared: Option<Rc<Shared>>) -> Self {
        Self { shared, booked: None, outcome: Outcome::Unknown }
    }

    pub(crate) fn request(&mut self) {
        let Some(shared) = self.shared.clone() else { return };
        let mode = mode_of_request(&*shared.host, &shared.rules);
        let (reason, picked) =
            if mode == Mode::Off { (Reason::Off, None) } else { self.decide(&shared, mode) };
        shared.count(reason);
        match &picked {
            Some(picked) if mode == Mode::Enforce => {
                let destinations = picked.destinations.as_str();
                shared.host.set_header(Headers::Request, DESTINATION_ENDPOINT, destinations).ok();
            }
            // A client must never choose its own endpoint, whatever the mode.
            _ => {
                shared.host.remove_header(Headers::Request, DESTINATION_ENDPOINT).ok();
            }
        }
        let decision = Decision::new().with("reason", reason.as_str());
        let decision = match &picked {
            Some(picked) => {
                decision.with("endpoint", picked.first()).with_number("candidates", picked.candidates as u64)
            }
            None => decision,
        };
        let decision = if mode == Mode::Observe { decision.with("mode", "observe") } else { decision };
        decision.leave(&*shared.host, DECISION);
    }

    fn decide(&mut self, shared: &Shared, mode: Mode) -> (Reason, Option<Picked>) {
        if !shared.gauges_work {
            return (Reason::GaugesHidden, None);
        }
        let host = &*shared.host;
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return (Reason::NoPool, None) };
        let pool = shared.only_pool.or_else(|| {
            let cluster = host.property(paths::CLUSTER_NAME).ok().flatten()?;
            pools.pool(std::str::from_utf8(&cluster).ok().filter(|name| !name.is_empty())?)
        });
        let Some(pool) = pool else { return (Reason::NoPool, None) };
        let Some(view) = pools.view(pool) else { return (Reason::NoPool, None) };
        let Ok(mut rng) = shared.rng.try_borrow_mut() else { return (Reason::NoPool, None) };
        let Some(picked) = pick(host, view, shared.how, &mut rng) else { return (Reason::NoEndpoints, None) };
        if mode == Mode::Enforce && !view.is_booked_elsewhere() {
            self.booked = pools.begin(pool, picked.first(), host.now());
        }
        (Reason::Score, Some(picked))
    }

    pub(crate) fn response(&mut self) {
        let Some(shared) = &self.shared else { return };
        if self.booked.is_some() {
            let status = shared.host.header(Headers::Response, ":status").ok().flatten();
            let failed = status.is_some_and(|status| status.first() == Some(&b'5'));
            self.outcome = if failed { Outcome::Failure } else { Outcome::Success };
        }
        if shared.debug_header
            && let Ok(Some(address)) = shared.host.property(paths::UPSTREAM_ADDRESS)
            && let Ok(address) = std::str::from_utf8(&address)
        {
            shared.host.set_header(Headers::Response, SERVED_BY, address).ok();
        }
    }

    pub(crate) fn done(&mut self) {
        if let (Some(shared), Some(attempt)) = (&self.shared, self.booked.take())
            && let Ok(mut pools) = shared.pools.try_borrow_mut()
        {
            pools.end(attempt, self.outcome, shared.host.now());
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
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        #[cfg(feature = "chaos")]
        if let Some(shared) = &self.shared {
            spillway_host::panic_if_asked(&*shared.host, "endpoint-picker");
        }
        self.request();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        self.response();
        Action::Continue
    }
}
