//! The requests of this VM that wait for another one's answer.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::ask::Ask;

/// A clock that is set right by less than this is left alone.
const SLACK: Duration = Duration::from_secs(1);

/// The requests of this VM that wait, by their stream's number.
#[derive(Default)]
pub(crate) struct Waiting {
    requests: BTreeMap<u32, Waits>,
}

/// One of them.
struct Waits {
    ask: Box<Ask>,
    until: Timestamp,
    /// It has been let go on; its stream has not been heard of since.
    sent: bool,
}

impl Waiting {
    /// One more.
    pub(crate) fn insert(&mut self, stream: u32, ask: Box<Ask>, until: Timestamp) {
        self.requests.insert(stream, Waits { ask, until, sent: false });
    }

    /// Takes it out, with whether it was let go on.
    pub(crate) fn take(&mut self, stream: u32) -> Option<(Box<Ask>, bool)> {
        self.requests.remove(&stream).map(|waits| (waits.ask, waits.sent))
    }

    /// It is let go on: what it asks, to be changed. `None` if it was already, or does not wait.
    pub(crate) fn send(&mut self, stream: u32) -> Option<&mut Ask> {
        let waits = self.requests.get_mut(&stream).filter(|waits| !waits.sent)?;
        waits.sent = true;
        Some(&mut waits.ask)
    }

    /// Those that have waited for too long. An end that is further away than anybody waits is one of a clock that stepped
    /// back, and has come too.
    pub(crate) fn late(&self, now: Timestamp, longest: Duration) -> Vec<u32> {
        let is_over = |until: Timestamp| until <= now || until.since(now) > longest + SLACK;
        let late = self.requests.iter().filter(|(_, waits)| !waits.sent && is_over(waits.until));
        late.map(|(stream, _)| *stream).collect()
    }
}
