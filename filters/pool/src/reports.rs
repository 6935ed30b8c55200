//! What inference workers say about their load, from the filter that hears it to the one that goes by it.
//!
//! A report is in four gauges of the endpoint; the last one wins. They are not written together, so a reader may find
//! the parts of two reports that came at the same time: either is as good.

use spillway_contract::load_report::LoadReport;
use spillway_primitives::Timestamp;

use crate::{Attempt, Pools};

impl Pools {
    /// An endpoint has said how it is. What it says counts the attempt itself, whose answer it came with.
    pub fn report(&self, attempt: &Attempt, report: &LoadReport, now: Timestamp) {
        let Some(gauges) = self.view(attempt.pool).and_then(|view| view.gauges(attempt.place)) else {
            return;
        };
        let host = &*self.host;
        let busy = report.running.unwrap_or(0.0) + report.waiting.unwrap_or(0.0);
        let elsewhere = whole(busy).saturating_sub(gauges.in_flight.read(host));
        gauges.reported.elsewhere.set(host, elsewhere);
        gauges.reported.slots.set(host, whole(report.slots.unwrap_or(0.0)));
        gauges
            .reported
            .kv_cache
            .set(host, whole(report.kv_cache_utilization.unwrap_or(0.0) * 1000.0).min(1000));
        gauges.reported.at.set(host, now.as_millis());
    }
}

/// A number that a worker sent, which is neither negative nor infinite, as a count.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float is held to the range"
)]
fn whole(number: f64) -> u64 {
    (number.round() as u64).min(u64::from(u32::MAX))
}
