//! Computing an answer anew while its stale entry serves (RFC 5861, section 3).
//!
//! The client has its answer, so nobody waits: the VM asks the pool itself, by call-out. Such a request does not pass the
//! filters of the listener; Envoy's own policy chooses its endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_caching::flight::Joined;
use spillway_caching::storable::Unstorable;
use spillway_host::{Buffer, HeaderBlock, Headers};

use crate::answer::{self, Answer};
use crate::ask::{Ask, Role};
use crate::flights;
use crate::shared::Shared;

/// At once, in one VM.
const MOST: usize = 32;

/// Headers that are one connection's or one hop's own, or that others set for this hop.
const NOT_COPIED: [&str; 7] = [
    ":scheme",
    "content-length",
    "transfer-encoding",
    "connection",
    "x-gateway-destination-endpoint",
    "expect",
    "if-none-match",
];

/// What is being refreshed.
#[derive(Default)]
pub(crate) struct Refreshes {
    to_send: Vec<Refresh>,
    /// By the number of the call-out.
    under_way: BTreeMap<u32, Box<Ask>>,
}

impl Refreshes {
    /// Whether there are enough, or the key is among them.
    fn are_full_or_have(&self, ask: &Ask) -> bool {
        let to_send = self.to_send.iter().map(|refresh| &refresh.ask);
        let mut all = self.under_way.values().chain(to_send);
        self.under_way.len() + self.to_send.len() >= MOST || all.any(|other| other.key == ask.key)
    }
}

/// A request that is to be sent again.
struct Refresh {
    ask: Box<Ask>,
    route: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Shared {
    /// Sees to it that an answer is computed anew, unless somebody does already.
    pub(crate) fn refresh(&self, mut ask: Box<Ask>, headers: &HeaderBlock, body: &[u8]) {
        let (host, now) = (&*self.host, self.host.now());
        let Ok(mut refreshes) = self.refreshes.try_borrow_mut() else { return };
        if refreshes.are_full_or_have(&ask) {
            return;
        }
        // The root context's number is nobody else's, and one VM refreshes a key once at a time.
        let member = self.member(self.root);
        if flights::join(host, ask.key, member, u8::MAX, now, &self.limits) != Some(Joined::Lead) {
            // Nobody could wake it: it must not be among those who wait.
            self.succeed(flights::leave(host, ask.key, member, now, &self.limits));
            return;
        }
        ask.role = Role::Leader;
        let text = |(name, value): (&[u8], &[u8])| {
            Some((String::from_utf8(name.to_vec()).ok()?, String::from_utf8(value.to_vec()).ok()?))
        };
        let copied = headers.iter().filter_map(text).filter(|(name, _)| !NOT_COPIED.contains(&name.as_str()));
        let scheme = (":scheme".to_owned(), "http".to_owned());
        let headers = copied.chain(std::iter::once(scheme)).collect();
        refreshes.to_send.push(Refresh {
            ask,
            route: self.route().into_owned(),
            headers,
            body: body.to_vec(),
        });
        self.mail.remind(host);
    }

    /// Sends what is to be computed anew, in the name of the VM.
    pub(crate) fn send_refreshes(&self) {
        let host = &*self.host;
        let to_send = self.refreshes.try_borrow_mut().map(|mut all| std::mem::take(&mut all.to_send));
        for Refresh { ask, route, headers, body } in to_send.unwrap_or_default() {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let limit = self.follower_timeout.max(Duration::from_secs(1));
            let Ok(mut refreshes) = self.refreshes.try_borrow_mut() else { return };
            match host.http_call(&route, &headers, &body, limit) {
                Ok(token) => {
                    self.counters.refreshes.add(host, 1);
                    refreshes.under_way.insert(token, ask);
                }
                Err(error) => {
                    log::debug!("a stale entry cannot be refreshed: {error}");
                    self.finish(&ask, self.root, Err(Unstorable::Incomplete));
                }
            }
        }
    }

    /// Takes in the answer, if that call-out was for one.
    pub(crate) fn refreshed(&self, token: u32, body_bytes: usize) {
        let ask = self.refreshes.try_borrow_mut().ok().and_then(|mut all| all.under_way.remove(&token));
        let Some(ask) = ask else { return };
        let host = &*self.host;
        let head = host.headers(Headers::CalloutResponse).unwrap_or_default();
        let answer = if answer::status(&head) == 0 {
            Err(Unstorable::Incomplete)
        } else {
            Answer::begin(self, &ask, head).and_then(|answer| {
                let body = host.buffer(Buffer::CalloutBody, 0, body_bytes).unwrap_or_default();
                answer.with_body(self, body).end(self, &ask, true)
            })
        };
        self.finish(&ask, self.root, answer);
    }
}
