//! What is counted.

use spillway_contract::metrics::{filter_metric, label};
use spillway_host::{Counter, Histogram, Host, HostError};
use spillway_shedding::level::{Level, Levels};
use spillway_shedding::reason::Reason;

use crate::body::Degraded;

/// The counters.
pub(crate) struct Counters {
    by_level: Vec<OfLevel>,
    reasons: Vec<(Reason, Counter)>,
    /// In mode `observe`: what would have been refused.
    pub(crate) observed: Counter,
    /// Budgets that were exceeded in a dry run.
    pub(crate) budgets_observed: Counter,
    /// Requests that are none to an inference API, and pass.
    pub(crate) passed: Counter,
    /// Whose bodies are too long to be waited for.
    pub(crate) long_bodies: Counter,
    pub(crate) step_changes: Counter,
    pub(crate) repaired: Counter,
    pub(crate) wait_ms: Histogram,
    /// How often the cache tier was told what was used of budgets.
    pub(crate) budget_exchanges: Counter,
    /// How often it did not answer.
    pub(crate) budget_exchanges_failed: Counter,
}

struct OfLevel {
    admitted: Counter,
    queued: Counter,
    refused: Counter,
    left: Counter,
    capped: Counter,
    smaller_model: Counter,
}

impl Counters {
    pub(crate) fn define(host: &dyn Host, levels: &Levels) -> Result<Self, HostError> {
        let counter =
            |noun: &str| Counter::define(host, &filter_metric("load-shedder", &format!("{noun}_total")));
        let of_level = |(_, name): (Level, &str)| {
            let counter = |noun: &str| counter(&format!("{noun}_{}", label(name)));
            Ok(OfLevel {
                admitted: counter("admitted")?,
                queued: counter("queued")?,
                refused: counter("refused")?,
                left: counter("left")?,
                capped: counter("degraded_cap_output")?,
                smaller_model: counter("degraded_smaller_model")?,
            })
        };
        let reason = |reason: Reason| Ok((reason, counter(&format!("refused_{}", reason.as_str()))?));
        Ok(Self {
            by_level: levels.iter().map(of_level).collect::<Result<_, HostError>>()?,
            reasons: Reason::ALL.into_iter().map(reason).collect::<Result<_, HostError>>()?,
            observed: counter("refusals_observed")?,
            budgets_observed: counter("budgets_exceeded_observed")?,
            passed: counter("passed")?,
            long_bodies: counter("long_bodies")?,
            step_changes: counter("step_changes")?,
            repaired: counter("permits_repaired")?,
            wait_ms: Histogram::define(host, &filter_metric("load-shedder", "wait_ms"))?,
            budget_exchanges: counter("budget_exchanges")?,
            budget_exchanges_failed: counter("budget_exchanges_failed")?,
        })
    }

    pub(crate) fn admitted(&self, host: &dyn Host, level: Level) {
        self.of(level).iter().for_each(|level| level.admitted.add(host, 1));
    }

    pub(crate) fn queued(&self, host: &dyn Host, level: Level) {
        self.of(level).iter().for_each(|level| level.queued.add(host, 1));
    }

    /// A client went away while its request waited.
    pub(crate) fn left(&self, host: &dyn Host, level: Level) {
        self.of(level).iter().for_each(|level| level.left.add(host, 1));
    }

    pub(crate) fn refused(&self, host: &dyn Host, level: Level, reason: Reason) {
        self.of(level).iter().for_each(|level| level.refused.add(host, 1));
        self.reasons
            .iter()
            .filter(|(known, _)| *known == reason)
            .for_each(|(_, counter)| counter.add(host, 1));
    }

    /// A request of that level is asked to be answered with less.
    pub(crate) fn degraded(&self, host: &dyn Host, level: Level, degraded: Degraded) {
        let Some(level) = self.of(level) else { return };
        if degraded.capped {
            level.capped.add(host, 1);
        }
        if degraded.smaller_model {
            level.smaller_model.add(host, 1);
        }
    }

    fn of(&self, level: Level) -> Option<&OfLevel> {
        self.by_level.get(level.index())
    }
}
