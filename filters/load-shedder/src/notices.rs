//! Lines in the log about requests that are refused or made smaller, few enough to be read.
//!
//! Under overload there are thousands a second, and the counters say how many of each kind. A line says what the counters
//! cannot: that this level of this pool is met at this moment. So each VM writes at most one a second, and says how many it
//! left out since the last one. A line holds names out of the configuration alone, and nothing that a client sent.

use std::time::Duration;

use spillway_primitives::Timestamp;

/// The time between two lines.
const EVERY: Duration = Duration::from_secs(1);

/// When a VM wrote the last line, and what it has left out since.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    wrote: Option<Timestamp>,
    left_out: u64,
}

impl Notices {
    /// A request was refused.
    pub(crate) fn refused(&mut self, (pool, level): (&str, &str), reason: &str, now: Timestamp) {
        if let Some(left_out) = self.turn(now) {
            log::info!(
                "pool {pool}: a request of level {level} is refused: {reason}; {left_out} such lines left out"
            );
        }
    }

    /// A request was made smaller.
    pub(crate) fn degraded(&mut self, (pool, level): (&str, &str), steps: &str, now: Timestamp) {
        if let Some(left_out) = self.turn(now) {
            log::info!(
                "pool {pool}: a request of level {level} is degraded: {steps}; {left_out} such lines left out"
            );
        }
    }

    /// How many lines were left out since the last one, if it is time for another. A clock that stepped back silences nobody.
    fn turn(&mut self, now: Timestamp) -> Option<u64> {
        if self.wrote.is_some_and(|wrote| wrote <= now && now.since(wrote) < EVERY) {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.wrote = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_says_how_many_were_left_out() {
        let at = |millis: u64| Timestamp::from_millis(1_000_000 + millis);
        let mut notices = Notices::default();
        let turns = [0, 1, 999, 1_000, 1_500, 5_000, 2_000, 2_100].map(|millis| notices.turn(at(millis)));
        assert_eq!(turns, [Some(0), None, None, Some(2), None, Some(1), Some(0), None]);
    }
}
