//! The workers' load reports, as they come with their answers.

use std::time::Duration;

use spillway_contract::headers::LOAD_REPORT;
use spillway_contract::load_report::LoadReport;
use spillway_host::Headers;
use spillway_pool::{Attempt, Pools};
use spillway_primitives::Timestamp;

use crate::root::Shared;

/// How often a report of one endpoint is read: reading a header costs as much as a decision, and loads do not change
/// faster than this in a way that matters.
const INTERVAL: Duration = Duration::from_millis(100);

/// When which endpoint's report was read last, by place.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    read: Vec<Timestamp>,
}

impl Reports {
    /// Whether it is time to read the report of a place.
    fn is_due(&mut self, place: usize, now: Timestamp) -> bool {
        if self.read.len() <= place {
            self.read.resize(place + 1, Timestamp::ZERO);
        }
        let Some(last) = self.read.get_mut(place) else { return false };
        // A clock that stepped back must not silence an endpoint until it has caught up.
        let due = now < *last || now.since(*last) >= INTERVAL;
        if due {
            *last = now;
        }
        due
    }
}

impl Shared {
    /// Takes in the report that came with an answer, if there is one and it is time.
    pub(crate) fn take_report(&self, pools: &Pools, attempt: &Attempt) {
        let Some(Ok(mut reports)) = self.reports.as_ref().map(std::cell::RefCell::try_borrow_mut) else {
            return;
        };
        let now = self.host.now();
        if !reports.is_due(attempt.place(), now) {
            return;
        }
        let header = self.host.header(Headers::Response, LOAD_REPORT).ok().flatten();
        // One that makes no sense is as good as none: the endpoint is judged by what it does.
        if let Some(Ok(report)) = header.map(|header| LoadReport::parse(&header)) {
            pools.report(attempt, &report, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_times_a_second_from_each() {
        let mut reports = Reports::default();
        let at = |millis: u64| Timestamp::from_millis(1_000_000 + millis);
        assert!(reports.is_due(3, at(0)));
        assert!(!reports.is_due(3, at(99)));
        assert!(reports.is_due(1, at(99)));
        assert!(reports.is_due(3, at(100)));
        assert!(reports.is_due(3, at(0)), "the clock stepped back");
    }
}
