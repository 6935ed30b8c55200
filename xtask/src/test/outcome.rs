//! What became of a stage, and of the whole.

use super::counts::Counts;
use super::reasons::Reason;
use crate::say;
use anyhow::{Result, anyhow};
use std::fmt;
use std::time::{Duration, Instant};

/// One stage.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) took: Duration,
    pub(super) reasons: Vec<Reason>,
    /// Set-up and build have no tests: they count only when they fail.
    has_tests: bool,
}

/// The sum, shown as the last line of a run.
#[derive(Debug)]
pub(super) struct Total {
    pub(super) passed: u64,
    pub(super) failed: u64,
    skipped: u64,
}

impl Outcome {
    /// A stage of tests. What fails without a count (a crate that does not build) counts as one failure.
    pub(super) fn of_tests(name: &'static str, stage: impl FnOnce(&mut Counts) -> Result<()>) -> Self {
        let (started, mut counts) = (Instant::now(), Counts::default());
        let ended = stage(&mut counts);
        if let Err(error) = &ended {
            say::line(format_args!("{name}: {error:#}"));
        }
        if ended.is_err() && counts.failed == 0 {
            counts.failed = 1;
        }
        Self::new(name, counts, started.elapsed(), true)
    }

    /// A stage that tests rest on.
    pub(super) fn of_step(name: &'static str, stage: impl FnOnce() -> Result<()>) -> Self {
        let mut outcome = Self::of_tests(name, |_| stage());
        outcome.has_tests = false;
        outcome
    }

    /// A stage that could not run.
    pub(super) fn not_built(name: &'static str) -> Self {
        Self::of_tests(name, |_| Err(anyhow!("not run, because what it tests did not build")))
    }

    fn new(name: &'static str, counts: Counts, took: Duration, has_tests: bool) -> Self {
        let Counts { passed, failed, skipped, reasons } = counts;
        Self { name, passed, failed, skipped, took, reasons: reasons.into_found(), has_tests }
    }

    /// A stage of tests that ran none failed.
    pub(super) fn refuse_silence(&mut self) {
        if self.has_tests && self.passed + self.failed == 0 {
            say::line(format_args!("{}: no test ran", self.name));
            self.failed = 1;
        }
    }

    /// With a filter a stage may run nothing, but not all of them.
    pub(super) fn total(outcomes: &[Self], filtered: bool) -> Total {
        let sum = |count: fn(&Self) -> u64| outcomes.iter().map(count).sum::<u64>();
        let mut total = Total {
            passed: sum(|outcome| outcome.passed),
            failed: sum(|outcome| outcome.failed),
            skipped: sum(|outcome| outcome.skipped),
        };
        if filtered && total.passed + total.failed == 0 {
            say::line("no test has such a name");
            total.failed = 1;
        }
        total
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Outcome};
    use anyhow::bail;

    fn ran(passed: u64, failed: u64, skipped: u64) -> Outcome {
        Outcome::of_tests("stage", |counts| {
            *counts = Counts { passed, failed, skipped, ..Counts::default() };
            if failed > 0 { bail!("tests failed") } else { Ok(()) }
        })
    }

    #[track_caller]
    fn says(outcomes: &[Outcome], filtered: bool, line: &str) {
        assert_eq!(Outcome::total(outcomes, filtered).to_string(), line);
    }

    #[test]
    fn the_last_line_is_the_sum() {
        says(&[ran(3, 0, 0), ran(4, 2, 0)], false, "7 passed, 2 failed");
        says(&[ran(3, 0, 1), ran(4, 0, 2)], false, "7 passed, 0 failed, 3 skipped");
    }

    #[test]
    fn what_fails_without_a_count_is_one_failure() {
        let broken = Outcome::of_tests("native", |_| bail!("does not build"));
        says(&[broken, Outcome::not_built("e2e")], false, "0 passed, 2 failed");
        says(&[Outcome::of_step("setup", || bail!("no network")), ran(1, 0, 0)], false, "1 passed, 1 failed");
    }

    #[test]
    fn silence_is_a_failure_of_tests_and_not_of_steps() {
        let mut outcomes = [ran(0, 0, 4), Outcome::of_step("setup", || Ok(()))];
        outcomes.iter_mut().for_each(Outcome::refuse_silence);
        says(&outcomes, false, "0 passed, 1 failed, 4 skipped");
        says(&[ran(0, 0, 0), ran(0, 0, 0)], true, "0 passed, 1 failed");
        says(&[ran(0, 0, 0), ran(1, 0, 0)], true, "1 passed, 0 failed");
    }
}
