//! The requests of this VM that wait for their turn.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::answer::Going;

/// A clock that is set right by less than this is left alone.
const SLACK: Duration = Duration::from_secs(1);

/// A request that waits, with what it goes on with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    pub(crate) going: Going,
    pub(crate) arrived: Timestamp,
    pub(crate) deadline: Timestamp,
}

/// All of them, by their stream's number.
#[derive(Default)]
pub(crate) struct Waiting {
    requests: BTreeMap<u32, Waits>,
}

impl Waiting {
    pub(crate) fn insert(&mut self, stream: u32, waits: Waits) {
        self.requests.insert(stream, waits);
    }

    pub(crate) fn take(&mut self, stream: u32) -> Option<Waits> {
        self.requests.remove(&stream)
    }

    /// Whether any waits for that pool.
    pub(crate) fn any(&self, pool: usize) -> bool {
        self.requests.values().any(|waits| waits.going.pool == pool)
    }

    /// Those whose time is over. One that came later than now is from before the clock stepped back, and is over too.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<u32> {
        let is_over = |waits: &Waits| waits.deadline <= now || waits.arrived.since(now) > SLACK;
        self.requests.iter().filter(|(_, waits)| is_over(waits)).map(|(stream, _)| *stream).collect()
    }
}
