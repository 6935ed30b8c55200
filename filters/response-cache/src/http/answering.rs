//! The answer of a request that went on: it passes by, is kept if it is worth it, and whoever waits for it hears of it.

use proxy_wasm::types::Action;
use spillway_caching::eligible::Bypass;
use spillway_caching::freshness::Circumstances;
use spillway_caching::status::{CacheStatus, Forward, Tier};
use spillway_caching::storable::Unstorable;
use spillway_host::{Headers, Host};

use super::{State, Stream};
use crate::answer::{self, Answer};
use crate::ask::Ask;
use crate::memory::Found;
use crate::reply;
use crate::shared::Shared;
use crate::{entry, flights};

const CACHE_STATUS: &str = "cache-status";

impl Stream {
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
        say(host, status);
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
        let stale = ask.stale.as_ref().filter(|_| !ask.observes);
        let Some(entry) = stale.and_then(Found::entry) else { return false };
        // The upstream may have taken its time.
        let (now, freshness) = (shared.host.now(), entry::freshness(&entry, shared.rule(ask)));
        let failed = Circumstances { busy: false, upstream_failed: true };
        let Some(state) = ask.terms.serves(&freshness, now, failed) else { return false };
        self.hit(shared, ask, &entry, Tier::Memory, state, now);
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
    pub(super) fn ended(&mut self, is_whole: bool) {
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
