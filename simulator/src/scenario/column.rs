//! Figures of a table.

use crate::measure::Outcome;
use crate::setting::Setting;

/// A column: its head, and the figure of a run.
#[derive(Clone, Copy)]
pub struct Column {
    /// What it is.
    pub head: &'static str,
    /// The figure, with its unit where the head has none.
    pub cell: fn(&Outcome, &Setting) -> String,
}

/// Times to first token.
pub(super) const FIRST_TOKEN: Column = Column {
    head: "first token ms: mean, p50, p99",
    cell: |outcome, _| {
        let [p50, p99] = [0.5, 0.99].map(|share| outcome.first_token_ms(share));
        format!("{:.0}, {p50:.0}, {p99:.0}", outcome.mean_first_token_ms())
    },
};

/// Failed requests of the whole run.
pub(super) const FAILED: Column = Column {
    head: "failed",
    cell: |outcome, _| percent(outcome.failed as f64 / outcome.arrived.max(1) as f64),
};

/// Over the whole run.
pub(super) const WHOLE: Column = Column {
    head: "load of the run: spread, max/mean",
    cell: |outcome, _| format!("{:.3}, {:.2}", outcome.whole.spread, outcome.whole.max_over_mean),
};

/// Over seconds.
pub(super) const WINDOWS: Column = Column {
    head: "load of a second, max/mean: p50, p99, max",
    cell: |outcome, _| triple([0.5, 0.99, 1.0].map(|share| outcome.window(share))),
};

/// At moments.
pub(super) const INSTANTS: Column = Column {
    head: "in flight at a moment, max/mean: p50, p99, max",
    cell: |outcome, _| triple([0.5, 0.99, 1.0].map(|share| outcome.instant(share))),
};

/// Attempts to endpoints that were not well.
pub(super) const TO_BROKEN: Column =
    Column { head: "attempts to broken", cell: |outcome, _| percent(outcome.broken_share()) };

pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

pub(super) fn triple(values: [f64; 3]) -> String {
    let [first, second, third] = values;
    format!("{first:.2}, {second:.2}, {third:.2}")
}
