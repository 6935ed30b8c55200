//! Gradient2 of Netflix's concurrency-limits, on time to the first token: the limit goes with the ratio of a long and a
//! short mean, and leaves room for a queue of its square root.

use std::time::Duration;

use spillway_primitives::Timestamp;
use spillway_shedding::reason::Reason;

use super::{Action, Asks, Gate};

const TOLERANCE: f64 = 1.5;
const SMOOTHING: f64 = 0.2;
/// The long mean is over about so many samples.
const LONG: f64 = 600.0;

pub(super) struct Gradient2 {
    limit: f64,
    in_flight: u32,
    long: Option<f64>,
}

impl Default for Gradient2 {
    fn default() -> Self {
        Self { limit: 20.0, in_flight: 0, long: None }
    }
}

impl Gate for Gradient2 {
    fn arrives(&mut self, asks: Asks, _: Timestamp, actions: &mut Vec<Action>) {
        if self.in_flight < self.limit() {
            self.in_flight += 1;
            actions.push(Action::Send(asks.number));
        } else {
            let (request, reason) = (asks.number, Reason::QueueFull);
            actions.push(Action::Refuse { request, reason, retry_after: None });
        }
    }

    fn starts(&mut self, _: usize, ttft: Duration, _: Timestamp) {
        let short = ttft.as_secs_f64();
        let long = self.long.map_or(short, |long| long + (short - long) * 2.0 / (LONG + 1.0));
        // When load has been high for long, the long mean is brought down faster.
        self.long = Some(if long / short > 2.0 { long * 0.95 } else { long });
        if f64::from(self.in_flight) < self.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * long / short).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + self.limit.sqrt();
        self.limit = (self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING).clamp(20.0, 10_000.0);
    }

    fn ends(&mut self, _: usize, _: Timestamp, _: &mut Vec<Action>) {
        self.in_flight -= 1;
    }

    fn limit(&self) -> u32 {
        self.limit as u32
    }
}
