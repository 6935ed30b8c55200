//! What inference workers say about their load, from the filter that hears it to the one that goes by it.
//!
//! A report is in five gauges of the endpoint; the last one wins. They are not written together, so a reader may find
//! the parts of two reports that came at the same time: either is as good.

use std::time::Duration;

use spillway_contract::load_report::LoadReport;
use spillway_host::Host;
use spillway_primitives::Timestamp;

use crate::{Attempt, Pools, View};

/// The gauge of an endpoint that does not say its GPU utilisation.
const GPU_UNKNOWN: u64 = 0;

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
        gauges.reported.gpu.set(host, report.gpu_utilization.map_or(GPU_UNKNOWN, gpu_permille));
        gauges.reported.at.set(host, now.as_millis());
    }
}

/// What all endpoints of a pool together say of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportedLoad {
    /// Requests that can run at the same time.
    pub slots: u32,
    /// Requests that run, whoever sent them.
    pub running: u32,
    /// Requests that wait for a slot.
    pub waiting: u32,
    /// The mean share of their key-value caches that is taken, in thousandths.
    pub kv_cache_permille: u16,
    /// The mean GPU utilisation of those that say theirs, in thousandths, 1 to 1000; `None` where none does.
    pub gpu_permille: Option<u16>,
}

impl View {
    /// What the endpoints that serve say of their load; `None` where there are none, or one of them does not say its slots or
    /// has not said anything for `lasts`.
    #[must_use]
    pub fn reported_load(&self, host: &dyn Host, now: Timestamp, lasts: Duration) -> Option<ReportedLoad> {
        let mut load = ReportedLoad::default();
        let (mut endpoints, mut kv_cache) = (0_u64, 0);
        let (mut with_gpu, mut gpu) = (0_u64, 0);
        for place in self.members_that_serve() {
            let gauges = self.gauges(place)?;
            let slots = gauges.reported.slots.read(host);
            let at = Timestamp::from_millis(gauges.reported.at.read(host));
            if slots == 0 || now.since(at) > lasts {
                return None;
            }
            let busy = gauges.reported.elsewhere.read(host).saturating_add(gauges.in_flight.read(host));
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            load.slots = load.slots.saturating_add(number(slots));
            load.running = load.running.saturating_add(number(busy.min(slots)));
            load.waiting = load.waiting.saturating_add(number(busy.saturating_sub(slots)));
            kv_cache += gauges.reported.kv_cache.read(host);
            endpoints += 1;
            let busy = gauges.reported.gpu.read(host);
            gpu += busy;
            with_gpu += u64::from(busy != GPU_UNKNOWN);
        }
        load.kv_cache_permille = u16::try_from(kv_cache.checked_div(endpoints)?).unwrap_or(u16::MAX);
        load.gpu_permille = gpu.checked_div(with_gpu).map(|mean| u16::try_from(mean).unwrap_or(u16::MAX));
        Some(load)
    }
}

/// What the gauge holds for a share: never [`GPU_UNKNOWN`], unless it is none. Above 1 it is another unit, which would make
/// a pool look busy for ever.
fn gpu_permille(share: f64) -> u64 {
    if share > 1.0 { GPU_UNKNOWN } else { whole(share * 1000.0).max(1) }
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
