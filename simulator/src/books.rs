//! What one Envoy knows of the endpoints from its own requests and from their load reports.
//!
//! The same rules as the gauges of a pool (`filters/pool`): moving averages with the same weights, a failure counts as
//! slow, a refusal with 429 is no failure, at most one load report per endpoint and tenth of a second is noted.

use std::time::Duration;

use spillway_primitives::{Ewma, Timestamp};
use spillway_routing::known::Report;

const RESPONSE_TIME: Ewma = Ewma::new(100);
const FAILURES: Ewma = Ewma::new(300);
const FAILURE_COUNTS_AS: Duration = Duration::from_secs(10);
const REPORTS_APART: Duration = Duration::from_millis(100);

/// The books of one Envoy, by place.
#[derive(Clone, Debug)]
pub struct Books {
    pages: Vec<Page>,
}

/// What is known of one endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Attempts in flight, of this Envoy.
    pub in_flight: u32,
    /// Mean time to first token in microseconds.
    pub mean_us: Option<u64>,
    /// Moving share of attempts that failed, in thousandths.
    pub failure_permille: u64,
    /// What it said about itself last.
    pub report: Option<Report>,
}

impl Books {
    /// Empty books.
    #[must_use]
    pub fn new(endpoints: u32) -> Self {
        Self { pages: vec![Page::default(); endpoints as usize] }
    }

    /// What is known of an endpoint.
    #[must_use]
    pub fn page(&self, place: u32) -> Page {
        self.pages[place as usize]
    }

    /// An attempt goes out.
    pub fn begin(&mut self, place: u32) {
        self.pages[place as usize].in_flight += 1;
    }

    /// Its first token has come.
    pub fn first_token(&mut self, place: u32, took: Duration) {
        self.pages[place as usize].add_response_time(took);
    }

    /// It is over.
    pub fn end(&mut self, place: u32, success: bool, took: Duration) {
        let page = &mut self.pages[place as usize];
        page.in_flight -= 1;
        let failed = if success { 0 } else { 1000 };
        if page.failure_permille != failed {
            page.failure_permille = FAILURES.next(Some(page.failure_permille), failed);
        }
        if !success {
            page.add_response_time(took.max(FAILURE_COUNTS_AS));
        }
    }

    /// An answer's headers say how much runs and waits there, and how many slots there are.
    pub fn note(&mut self, place: u32, in_flight: u32, slots: u32, now: Timestamp) {
        let page = &mut self.pages[place as usize];
        if page.report.is_none_or(|report| now.since(report.at) >= REPORTS_APART) {
            let elsewhere = in_flight.saturating_sub(page.in_flight);
            page.report = Some(Report { at: now, slots, elsewhere, kv_cache_permille: 0 });
        }
    }
}

impl Page {
    fn add_response_time(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.mean_us = Some(RESPONSE_TIME.next(self.mean_us, micros));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_as_slow() {
        let mut books = Books::new(1);
        books.begin(0);
        books.end(0, false, Duration::from_millis(1));
        let page = books.page(0);
        assert_eq!((page.in_flight, page.failure_permille, page.mean_us), (0, 300, Some(10_000_000)));
    }

    #[test]
    fn what_others_have_there_is_the_rest() {
        let mut books = Books::new(1);
        books.begin(0);
        let at = |millis: u64| Timestamp::from_millis(1_000 + millis);
        books.note(0, 5, 8, at(0));
        books.note(0, 9, 8, at(99));
        assert_eq!(books.page(0).report.unwrap().elsewhere, 4, "too soon after the last one");
        books.note(0, 9, 8, at(100));
        assert_eq!(books.page(0).report.unwrap().elsewhere, 8);
    }
}
