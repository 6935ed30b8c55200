//! On which terms an eligible request takes an entry.

use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::control::RequestControl;
use crate::freshness::{Circumstances, Freshness, State};

/// What is done when no entry serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMiss {
    /// The request goes on.
    Forward,
    /// It is answered with 504: the client wants nothing but an entry (RFC 9111, section 5.2.1.7).
    GatewayTimeout,
}

/// On which terms an eligible request takes an entry. Its answer may be kept in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether an entry is looked for at all. Not where the client says `no-cache`: entries are not validated here
    /// (5.2.1.4). So it gets a fresh answer, which then replaces the entry.
    pub lookup: bool,
    /// What is done when no entry serves.
    pub on_miss: OnMiss,
    /// Whether its answer is kept only if it has a validator.
    pub needs_validator: bool,
    max_age: Option<Duration>,
    max_stale: Option<Duration>,
    min_fresh: Option<Duration>,
}

impl Terms {
    pub(super) fn of(control: &RequestControl, needs_validator: bool) -> Self {
        Self {
            lookup: !control.no_cache,
            on_miss: if control.only_if_cached { OnMiss::GatewayTimeout } else { OnMiss::Forward },
            needs_validator,
            max_age: control.max_age,
            max_stale: control.max_stale,
            min_fresh: control.min_fresh,
        }
    }

    /// As what an entry serves this request now; `None` where it does not.
    ///
    /// A client can only want more than the entry's own times: `max-stale` allows nothing that these do not, and a client
    /// that sets a limit of age or freshness does not want a stale one (5.2.1.1 to 5.2.1.3).
    #[must_use]
    pub fn serves(&self, entry: &Freshness, now: Timestamp, circumstances: Circumstances) -> Option<State> {
        let state = entry.state(now, circumstances);
        let young = self.max_age.is_none_or(|most| entry.age(now) <= most);
        if !self.lookup || !young || state == State::Expired {
            return None;
        }
        let serves = match entry.remaining(now) {
            Ok(fresh) => self.min_fresh.is_none_or(|least| fresh >= least),
            Err(stale) => self.min_fresh.is_none() && self.takes_stale(stale),
        };
        serves.then_some(state)
    }

    fn takes_stale(&self, stale: Duration) -> bool {
        match self.max_stale {
            Some(most) => stale <= most,
            None => self.max_age.is_none(),
        }
    }
}
