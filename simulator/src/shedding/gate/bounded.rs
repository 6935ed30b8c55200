//! A limit that never changes.

use std::time::Duration;

use spillway_primitives::Timestamp;
use spillway_shedding::reason::Reason;

use super::{Action, Asks, Gate};

pub(super) struct Bounded {
    limit: u32,
    in_flight: u32,
}

impl Bounded {
    pub(super) const fn new(limit: u32) -> Self {
        Self { limit, in_flight: 0 }
    }
}

impl Gate for Bounded {
    fn arrives(&mut self, asks: Asks, _: Timestamp, actions: &mut Vec<Action>) {
        if self.in_flight < self.limit {
            self.in_flight += 1;
            actions.push(Action::Send(asks.number));
        } else {
            let (request, reason) = (asks.number, Reason::QueueFull);
            actions.push(Action::Refuse { request, reason, retry_after: None });
        }
    }

    fn starts(&mut self, _: usize, _: Duration, _: Timestamp) {}

    fn ends(&mut self, _: usize, _: Timestamp, _: &mut Vec<Action>) {
        self.in_flight -= 1;
    }

    fn limit(&self) -> u32 {
        self.limit
    }
}
