//! Typed metrics. Envoy has them once per process, so a gauge is a counter that all Envoy workers share.

use crate::{Host, HostError, MetricId, MetricKind};

/// A gauge of this value or more was lowered below zero and has wrapped round.
const WRAPPED: u64 = 1 << 63;

/// A number that only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(MetricId);

impl Counter {
    /// Defines the counter, or finds the one of that name.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host refuses the name.
    pub fn define(host: &dyn Host, name: &str) -> Result<Self, HostError> {
        host.define_metric(MetricKind::Counter, name).map(Self)
    }

    /// The count; 0 when it cannot be read.
    #[must_use]
    pub fn read(self, host: &dyn Host) -> u64 {
        host.metric(self.0).unwrap_or(0)
    }

    /// Adds `by`. A host that refuses is left alone: a lost count must not cost a request.
    pub fn add(self, host: &dyn Host, by: u32) {
        host.increment_metric(self.0, i64::from(by)).ok();
    }
}

/// A number that rises and falls, atomic across Envoy workers and modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge(MetricId);

impl Gauge {
    /// Defines the gauge, or finds the one of that name.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host refuses the name.
    pub fn define(host: &dyn Host, name: &str) -> Result<Self, HostError> {
        host.define_metric(MetricKind::Gauge, name).map(Self)
    }

    /// The value; 0 when it is below zero or cannot be read.
    #[must_use]
    pub fn read(self, host: &dyn Host) -> u64 {
        match host.metric(self.0) {
            Ok(value) if value < WRAPPED => value,
            _ => 0,
        }
    }

    /// By how much the value is below zero; 0 when it is not.
    #[must_use]
    pub fn deficit(self, host: &dyn Host) -> u64 {
        match host.metric(self.0) {
            Ok(value) if value >= WRAPPED => value.wrapping_neg(),
            _ => 0,
        }
    }

    /// Sets the value. The last writer wins.
    pub fn set(self, host: &dyn Host, value: u64) {
        host.record_metric(self.0, value).ok();
    }

    /// Adds `by`, which may be negative. The host does this atomically.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host refuses; whoever counts must know.
    pub fn add(self, host: &dyn Host, by: i64) -> Result<(), HostError> {
        host.increment_metric(self.0, by)
    }
}

/// A distribution of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram(MetricId);

impl Histogram {
    /// Defines the histogram, or finds the one of that name.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host refuses the name.
    pub fn define(host: &dyn Host, name: &str) -> Result<Self, HostError> {
        host.define_metric(MetricKind::Histogram, name).map(Self)
    }

    /// Records one value.
    pub fn record(self, host: &dyn Host, value: u64) {
        host.record_metric(self.0, value).ok();
    }
}

/// Whether gauges of Spillway's can be read back. A `stats_matcher` that leaves them out makes them silently stay
/// at zero; a filter that needs them then has to stand aside.
#[must_use]
pub fn gauges_work(host: &dyn Host) -> bool {
    let Ok(probe) = host.define_metric(MetricKind::Gauge, "spillway.pool.probe") else { return false };
    host.increment_metric(probe, 1).is_ok() && host.metric(probe).is_ok_and(|value| value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_gauge_below_zero_reads_as_zero_and_says_how_far() {
        let host = Fake::new();
        let gauge = Gauge::define(&*host, "g").unwrap();
        gauge.add(&*host, -3).unwrap();
        assert_eq!((gauge.read(&*host), gauge.deficit(&*host)), (0, 3));
        gauge.add(&*host, 4).unwrap();
        assert_eq!((gauge.read(&*host), gauge.deficit(&*host)), (1, 0));
    }

    #[test]
    fn hidden_gauges_are_noticed() {
        let host = Fake::new();
        assert!(gauges_work(&*host));
        assert!(gauges_work(&*host), "a second time as well");
        host.hide_metrics();
        assert!(!gauges_work(&*host));
    }
}
