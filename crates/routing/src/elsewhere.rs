//! What other Envoys, and traffic past all of them, have in flight at an endpoint: what follows from load reports.
//!
//! An Envoy knows its own requests exactly and at once. Of the others it knows what endpoints say, seconds old and to
//! everybody at the same time. Three things follow, each of which was found by leaving it out
//! (`docs/adr/0006-load-reports.md`):
//!
//! - What counts for a choice is the **difference** from what others usually have. Added whole, what all endpoints have in
//!   common drowns one's own requests; and an endpoint that says nothing would look idle.
//! - Old news **fades**.
//! - Every Envoy sees the same difference. If each made up for all of it, all together would overshoot; so each makes up
//!   for **its own share** of it.

use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::known::Report;

/// After so long a third of a difference is still believed.
const FADES: Duration = Duration::from_secs(5);

/// What others have in flight at an endpoint. Counts of requests, as estimates.
///
/// It is worked out at a look; what an endpoint has said since then can be put in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Elsewhere {
    /// As much as at every endpoint of its size.
    pub usual: f64,
    /// How much more, or less, it was at the last look.
    pub difference: f64,
    /// How much of a difference is believed, 0 to 1.
    pub belief: f64,
    /// How much of what is believed this Envoy makes up for, 0 to 1.
    pub own_part: f64,
}

impl Elsewhere {
    /// What others have there, as far as it is believed; `now` is what the endpoint has said since the last look.
    #[must_use]
    pub fn there(&self, now: Option<u64>) -> f64 {
        (self.usual + self.believed(now)).max(0.0)
    }

    /// How much more than usual, or less, is to be made up for by this Envoy.
    #[must_use]
    pub fn to_make_up(&self, now: Option<u64>) -> f64 {
        self.believed(now) * self.own_part
    }

    #[allow(clippy::cast_precision_loss, reason = "counts in flight are far below 2^52")]
    fn believed(&self, now: Option<u64>) -> f64 {
        now.map_or(self.difference, |now| now as f64 - self.usual) * self.belief
    }
}

/// What all endpoints together have said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Others {
    elsewhere: f64,
    slots: f64,
}

impl Others {
    /// One more endpoint has said how it is.
    pub(crate) fn hear(&mut self, report: Report) {
        self.elsewhere += f64::from(report.elsewhere);
        self.slots += f64::from(report.slots.max(1));
    }

    /// What others usually have at an endpoint like this one. One that did not say how many slots it has counts as one
    /// of the largest.
    pub(crate) fn usual(self, report: Option<Report>, most_slots: u32) -> f64 {
        let slots = report.map_or(most_slots, |report| report.slots).max(1);
        if self.slots > 0.0 { self.elsewhere / self.slots * f64::from(slots) } else { 0.0 }
    }

    /// What others have at an endpoint. `own_part` is the share of all requests in flight that is this Envoy's.
    pub(crate) fn at(
        self,
        report: Option<Report>,
        most_slots: u32,
        own_part: f64,
        now: Timestamp,
    ) -> Elsewhere {
        let usual = self.usual(report, most_slots);
        let Some(report) = report else { return Elsewhere { usual, own_part, ..Elsewhere::default() } };
        let age = now.since(report.at).as_secs_f64() / FADES.as_secs_f64();
        Elsewhere { usual, difference: f64::from(report.elsewhere) - usual, belief: (-age).exp(), own_part }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn report(elsewhere: u32, slots: u32) -> Report {
        Report { at: NOW, slots, elsewhere, kv_cache_permille: 0 }
    }

    #[track_caller]
    fn check(others: Others, report: Option<Report>, own_part: f64, later: u64, usual: f64, unusual: f64) {
        let now = Timestamp::from_millis(NOW.as_millis() + later * 1000);
        let found = others.at(report, 16, own_part, now);
        assert!((found.usual - usual).abs() < 1e-9, "{found:?}");
        assert!((found.to_make_up(None) - unusual).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn what_was_said_since_the_look_takes_the_place_of_what_was_said_before() {
        let mut others = Others::default();
        [2, 6].into_iter().for_each(|elsewhere| others.hear(report(elsewhere, 8)));
        let at = others.at(Some(report(6, 8)), 8, 0.25, NOW);
        assert_eq!((at.there(None), at.there(Some(1))), (6.0, 1.0));
        assert_eq!((at.to_make_up(None), at.to_make_up(Some(1))), (0.5, -0.75));
        let silent = others.at(None, 8, 0.25, NOW);
        assert_eq!((silent.there(Some(1)), silent.to_make_up(Some(1))), (4.0, 0.0));
    }

    #[test]
    fn the_difference_from_the_usual_counts_by_age_and_share() {
        let mut others = Others::default();
        check(others, None, 1.0, 0, 0.0, 0.0);
        for elsewhere in [2, 6] {
            others.hear(report(elsewhere, 8));
        }
        check(others, Some(report(6, 8)), 1.0, 0, 4.0, 2.0);
        check(others, Some(report(2, 8)), 1.0, 0, 4.0, -2.0);
        check(others, Some(report(6, 8)), 0.25, 0, 4.0, 0.5);
        check(others, Some(report(6, 8)), 1.0, 5, 4.0, 2.0 * (-1.0_f64).exp());
        check(others, Some(report(6, 16)), 1.0, 0, 8.0, -2.0);
        check(others, None, 1.0, 0, 8.0, 0.0);
    }
}
