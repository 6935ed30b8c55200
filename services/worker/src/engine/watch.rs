//! Whether the computing thread gets on.
//!
//! A step takes milliseconds, or seconds where a processor is slow and prompts are long. One that takes much longer is a
//! thread that hangs: then the worker says that it is not ready, so that whoever routes goes elsewhere, until it does get on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Since when the step under way has been.
#[derive(Debug)]
pub(super) struct Watch {
    start: Instant,
    limit: Duration,
    /// In milliseconds from `start`, and 1; 0 between two steps.
    begun: AtomicU64,
}

impl Watch {
    /// Nothing has begun yet.
    pub(super) fn new(limit: Duration) -> Self {
        Self { start: Instant::now(), limit, begun: AtomicU64::new(0) }
    }

    /// Runs a step.
    pub(super) fn during<T>(&self, step: impl FnOnce() -> T) -> T {
        self.begun.store(self.now_ms() + 1, Ordering::Relaxed);
        let result = step();
        self.begun.store(0, Ordering::Relaxed);
        result
    }

    /// For how long the step under way has been, where that is too long.
    pub(super) fn stuck_for(&self) -> Option<Duration> {
        let begun = self.begun.load(Ordering::Relaxed).checked_sub(1)?;
        let lasts = Duration::from_millis(self.now_ms().saturating_sub(begun));
        (lasts >= self.limit).then_some(lasts)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_lasts_too_long_is_seen_while_it_lasts() {
        let watch = Watch::new(Duration::ZERO);
        assert_eq!(watch.stuck_for(), None);
        assert!(watch.during(|| watch.stuck_for()).is_some());
        assert_eq!(watch.stuck_for(), None);
        let patient = Watch::new(Duration::from_secs(3600));
        assert_eq!(patient.during(|| patient.stuck_for()), None);
    }
}
