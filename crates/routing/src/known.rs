//! What was known about an endpoint at the last look: everything that moves too slowly to be asked for with each
//! request.

use std::time::Duration;

use spillway_primitives::Timestamp;

/// What was known about an endpoint at the last look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// A stable hash of its address: its position for affinity, the same in every Envoy.
    pub key: u64,
    /// Its zone, as a number that means something only within one snapshot.
    pub zone: u16,
    /// Whether that is the zone of this Envoy.
    pub is_local: bool,
    /// Its weight as Envoy has it; 1 is usual, 0 counts as 1.
    pub weight: u32,
    /// Mean time to first token in microseconds; `None` while nothing was measured.
    pub mean_us: Option<u64>,
    /// Since when it may be chosen: it was new, unhealthy or isolated before.
    pub since: Timestamp,
    /// What it said about itself last.
    pub report: Option<Report>,
}

/// What an inference worker said about its load, as far as routing goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it said so.
    pub at: Timestamp,
    /// Requests that can run there at the same time; 0 if it did not say.
    pub slots: u32,
    /// Requests that ran or waited there and were not this Envoy's: the traffic of other Envoys.
    pub elsewhere: u32,
    /// Share of its key-value cache that is taken, in thousandths.
    pub kv_cache_permille: u16,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            key: 0,
            zone: 0,
            is_local: true,
            weight: 1,
            mean_us: None,
            since: Timestamp::ZERO,
            report: None,
        }
    }
}

/// From this share of its key-value cache on, an engine is about to push running requests out of it.
const KV_CACHE_IS_SHORT_PERMILLE: u16 = 900;
/// What an endpoint is worth, at least, whatever reason there is to spare it: it has to be tried to be known.
const LEAST_WORTH: f64 = 0.05;

impl Known {
    /// The report, if it is recent enough to be believed.
    #[must_use]
    pub fn believed(&self, now: Timestamp, lasts: Duration) -> Option<Report> {
        // One from the future was made before the clock stepped back: nobody knows how old it is.
        self.report.filter(|report| report.at <= now && now.since(report.at) <= lasts)
    }

    /// How far it has warmed up: from a tenth to 1, in proportion to the time since it may be chosen.
    ///
    /// A new endpoint has empty caches, one that comes back may still be ill: neither should be given its full share
    /// at once. A clock that stepped back to before `since` counts as warm.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "milliseconds are far below 2^52")]
    pub fn warmth(&self, now: Timestamp, warm_up: Duration) -> f64 {
        const COLD: f64 = 0.1;
        let age = now.since(self.since);
        if now < self.since || age >= warm_up {
            return 1.0;
        }
        COLD + (1.0 - COLD) * age.as_secs_f64() / warm_up.as_secs_f64()
    }
}

impl Report {
    /// What is left of an endpoint's worth because its key-value cache runs short: 1 below nine tenths, and then less.
    #[must_use]
    pub fn kv_cache_room(self) -> f64 {
        let room = 1000_u16.saturating_sub(self.kv_cache_permille.max(KV_CACHE_IS_SHORT_PERMILLE));
        (f64::from(room) / f64::from(1000 - KV_CACHE_IS_SHORT_PERMILLE)).max(LEAST_WORTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[track_caller]
    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value}, expected {expected}");
    }

    #[test]
    fn a_report_is_believed_while_it_is_recent() {
        let report = Report { at: at(0), slots: 8, elsewhere: 3, kv_cache_permille: 0 };
        let known = Known { report: Some(report), ..Known::default() };
        let lasts = Duration::from_secs(5);
        assert_eq!(known.believed(at(5_000), lasts), Some(report));
        assert_eq!(known.believed(at(5_001), lasts), None);
        assert_eq!(known.believed(Timestamp::from_millis(999_999), lasts), None, "the clock stepped back");
    }

    #[test]
    fn it_warms_up_in_proportion() {
        let known = Known { since: at(0), ..Known::default() };
        let warm_up = Duration::from_secs(10);
        close(known.warmth(at(0), warm_up), 0.1);
        close(known.warmth(at(5_000), warm_up), 0.55);
        close(known.warmth(at(10_000), warm_up), 1.0);
        close(known.warmth(Timestamp::ZERO, warm_up), 1.0);
        close(known.warmth(at(0), Duration::ZERO), 1.0);
    }

    #[test]
    fn a_short_key_value_cache_spares_the_endpoint() {
        let room = |permille| {
            Report { at: at(0), slots: 0, elsewhere: 0, kv_cache_permille: permille }.kv_cache_room()
        };
        close(room(0), 1.0);
        close(room(900), 1.0);
        close(room(950), 0.5);
        close(room(1_000), 0.05);
        close(room(u16::MAX), 0.05);
    }
}
