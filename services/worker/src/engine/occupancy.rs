//! How many requests run and wait, and the bound on both.
//!
//! Counts are tickets that are released on drop, so a job that ends in any way is counted out.

use super::Refusal;
use spillway_primitives::Ewma;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The newest service time has this say, in thousandths.
const SERVICE_TIME_WEIGHT_PERMILLE: u16 = 100;

/// The longest time that a client is told to wait.
const MAX_RETRY_AFTER_S: u64 = 120;

/// Slots, and how they are used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// Requests that can run at the same time.
    pub slots: usize,
    /// Requests that run.
    pub running: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// Share of the key-value cache that is taken, 0 to 1, where there is one.
    pub kv_cache_utilization: Option<f64>,
    /// Share of the time in which its GPUs compute, 0 to 1, where it has any.
    pub gpu_utilization: Option<f64>,
}

/// The counts of one engine.
#[derive(Debug)]
pub struct Occupancy {
    slots: usize,
    queue: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    running: usize,
    waiting: usize,
    /// Mean time in a slot, in milliseconds.
    service_ms: Option<u64>,
}

/// A place: first among those that wait, then among those that run.
#[derive(Debug)]
pub struct Ticket {
    occupancy: Arc<Occupancy>,
    started: Option<Instant>,
}

impl Occupancy {
    /// `slots` requests may run and `queue` may wait.
    #[must_use]
    pub fn new(slots: usize, queue: usize) -> Arc<Self> {
        Arc::new(Self { slots, queue, counts: Mutex::default() })
    }

    /// A place for one more request.
    ///
    /// # Errors
    /// When all are taken.
    pub fn admit(self: &Arc<Self>) -> Result<Ticket, Refusal> {
        let mut counts = self.counts();
        if counts.running + counts.waiting >= self.slots + self.queue {
            let (slots, waiting, retry_after_s) = (self.slots, counts.waiting, self.retry_after_s(&counts));
            return Err(Refusal::QueueFull { slots, waiting, retry_after_s });
        }
        counts.waiting += 1;
        Ok(Ticket { occupancy: Arc::clone(self), started: None })
    }

    /// The counts now.
    #[must_use]
    pub fn load(&self) -> Load {
        let counts = self.counts();
        Load {
            slots: self.slots,
            running: counts.running,
            waiting: counts.waiting,
            kv_cache_utilization: None,
            gpu_utilization: None,
        }
    }

    /// When a place is likely to be free: the rate at which slots become free, from the mean service time. Whole
    /// seconds, from 1 to 120.
    fn retry_after_s(&self, counts: &Counts) -> u32 {
        let waiting = u64::try_from(counts.waiting).unwrap_or(u64::MAX);
        let slots = u64::try_from(self.slots).unwrap_or(1).max(1);
        let rounds = (waiting + 1).div_ceil(slots);
        let wait_ms = counts.service_ms.unwrap_or(0).saturating_mul(rounds);
        let wait_s = wait_ms.div_ceil(1000).clamp(1, MAX_RETRY_AFTER_S);
        u32::try_from(wait_s).unwrap_or(1)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics while the counts are held, so a poisoned lock cannot hold half a change.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The request runs from `now` on.
    pub fn start(&mut self, now: Instant) {
        if self.started.replace(now).is_none() {
            let mut counts = self.occupancy.counts();
            counts.waiting = counts.waiting.saturating_sub(1);
            counts.running += 1;
        }
    }

    fn release(&self, service: Option<Duration>) {
        let mut counts = self.occupancy.counts();
        let Some(service) = service else {
            counts.waiting = counts.waiting.saturating_sub(1);
            return;
        };
        counts.running = counts.running.saturating_sub(1);
        let service_ms = u64::try_from(service.as_millis()).unwrap_or(u64::MAX);
        counts.service_ms = Some(Ewma::new(SERVICE_TIME_WEIGHT_PERMILLE).next(counts.service_ms, service_ms));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.release(self.started.map(|started| started.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(occupancy: &Occupancy) -> (usize, usize) {
        let load = occupancy.load();
        (load.running, load.waiting)
    }

    #[test]
    fn tickets_are_bounded_and_released() {
        let occupancy = Occupancy::new(1, 1);
        let mut first = occupancy.admit().unwrap();
        assert_eq!(counts(&occupancy), (0, 1));
        first.start(Instant::now());
        first.start(Instant::now());
        let second = occupancy.admit().unwrap();
        assert_eq!(counts(&occupancy), (1, 1));
        let full = Refusal::QueueFull { slots: 1, waiting: 1, retry_after_s: 1 };
        assert_eq!(occupancy.admit().unwrap_err(), full, "one slot and one place in the queue");
        drop(second);
        assert_eq!(counts(&occupancy), (1, 0));
        drop(first);
        assert_eq!(counts(&occupancy), (0, 0));
    }

    #[test]
    fn retry_after_follows_the_drain_rate() {
        let occupancy = Occupancy::new(2, 100);
        let retry_after_s = || occupancy.retry_after_s(&occupancy.counts());
        assert_eq!(retry_after_s(), 1, "nothing is known yet");
        occupancy.counts().service_ms = Some(3_000);
        assert_eq!(retry_after_s(), 3);
        let tickets: Vec<_> = (0..5).map(|_| occupancy.admit().unwrap()).collect();
        assert_eq!(retry_after_s(), 9, "six requests over two slots are three rounds");
        occupancy.counts().service_ms = Some(u64::MAX);
        assert_eq!(retry_after_s(), 120);
        drop(tickets);
    }
}
