//! The end of a run: why tests failed, and the table.

use super::outcome::Outcome;
use crate::say;

/// One line per test that failed, one per stage.
pub(super) fn print(outcomes: &[Outcome]) {
    say::line("");
    for outcome in outcomes {
        for reason in &outcome.reasons {
            say::line(format_args!("failed: {} {reason}", outcome.name));
        }
    }
    say::line(format_args!("{:<8}{:>8}{:>8}{:>9}{:>9}", "stage", "passed", "failed", "skipped", "seconds"));
    for outcome in outcomes {
        let Outcome { name, passed, failed, skipped, took, .. } = outcome;
        say::line(format_args!("{name:<8}{passed:>8}{failed:>8}{skipped:>9}{:>9.1}", took.as_secs_f64()));
    }
}
