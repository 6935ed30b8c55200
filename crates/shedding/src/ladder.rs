//! What is done about overload, one step after the other.
//!
//! First answers become cheaper, then nobody of the least important level is served, then nobody of the next; the most
//! important level always is. A queue with deadlines refuses what is too much by itself, and lets the less important have
//! what the more important leave. So the steps that refuse begin late: they are for pools in which even that is too much,
//! because its inference workers fail or stand still.
//!
//! A step up is taken as soon as the overload reaches its threshold. Down it goes below a second, lower one, and after it
//! has been there for [`Settings::dwell`]: a load that stays the same leads to few changes. When the overload is gone, all
//! steps are left at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use crate::level::Level;

/// What is done. Each step does what the ones before it do, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Nothing.
    #[default]
    Normal,
    /// Answers are kept short.
    CapOutput,
    /// Cached answers serve although they are stale.
    Stale,
    /// A smaller model answers, where the operator names one.
    SmallerModel,
    /// So many of the least important levels are refused, 1 or more.
    Refuse(u8),
}

impl Step {
    /// The word for logs. How many levels are refused is said by [`Self::refused`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::CapOutput => "cap_output",
            Self::Stale => "stale",
            Self::SmallerModel => "smaller_model",
            Self::Refuse(_) => "refuse",
        }
    }

    /// The value of a gauge: 0 normal to 3, then 4 for one level refused and so on.
    #[must_use]
    pub const fn as_gauge(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::CapOutput => 1,
            Self::Stale => 2,
            Self::SmallerModel => 3,
            Self::Refuse(levels) => 3 + levels as u64,
        }
    }

    /// How many levels are refused.
    #[must_use]
    pub const fn refused(self) -> u8 {
        match self {
            Self::Refuse(levels) => levels,
            _ => 0,
        }
    }

    /// Whether requests of this level are refused, where there are so many levels. Never those of the most important.
    #[must_use]
    pub const fn refuses(self, level: Level, levels: usize) -> bool {
        level.index() > 0 && level.index() + self.refused() as usize >= levels
    }
}

/// What an operator sets about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The overload from which on answers are kept short, 1 to 1000; above 1000 the step is never taken by itself.
    pub cap_output: u16,
    /// From which on stale answers serve.
    pub stale: u16,
    /// From which on a smaller model answers.
    pub smaller_model: u16,
    /// From which on the least important level is refused.
    pub refuse: u16,
    /// For each further level so much more.
    pub refuse_each: u16,
    /// A step is left once the overload is so much below its threshold.
    pub hysteresis: u16,
    /// And has been for so long.
    pub dwell: Duration,
    /// Below this the overload is gone.
    pub calm: u16,
    /// And all steps are left once it has been for so long.
    pub calm_dwell: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cap_output: 400,
            stale: 500,
            smaller_model: 600,
            refuse: 800,
            refuse_each: 100,
            hysteresis: 150,
            dwell: Duration::from_secs(30),
            calm: 150,
            calm_dwell: Duration::from_millis(500),
        }
    }
}

impl Settings {
    /// The highest step whose threshold the overload reaches.
    fn step(&self, overload: u16, levels: usize) -> Step {
        // The most important level is never refused.
        let most = u8::try_from(levels.saturating_sub(1)).unwrap_or(u8::MAX);
        let refused = (0..most).filter(|further| {
            let threshold = u32::from(self.refuse) + u32::from(self.refuse_each) * u32::from(*further);
            u32::from(overload) >= threshold
        });
        match u8::try_from(refused.count()).unwrap_or(most) {
            0 if overload >= self.smaller_model => Step::SmallerModel,
            0 if overload >= self.stale => Step::Stale,
            0 if overload >= self.cap_output => Step::CapOutput,
            0 => Step::Normal,
            refused => Step::Refuse(refused),
        }
    }
}

/// Where a pool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    step: Step,
    /// Since when a lower step would do.
    lower_since: Option<Timestamp>,
    /// Since when the overload is gone.
    calm_since: Option<Timestamp>,
}

impl Ladder {
    /// What is done.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// The overload is so much now. Gives the step before if that has changed.
    pub fn update(
        &mut self,
        overload: u16,
        levels: usize,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<Step> {
        let before = self.step;
        let target = settings.step(overload, levels);
        let kept = settings.step(overload.saturating_add(settings.hysteresis), levels);
        let is_calm = hold(&mut self.calm_since, overload < settings.calm, settings.calm_dwell, now);
        let is_lower = hold(&mut self.lower_since, kept < before, settings.dwell, now);
        if target > before {
            self.step = target;
            self.lower_since = None;
        } else if is_calm {
            self.step = Step::Normal;
        } else if is_lower {
            self.step = kept;
            self.lower_since = None;
        }
        (self.step != before).then_some(before)
    }
}

/// Whether something has been so for long enough. A clock that steps back begins anew.
fn hold(since: &mut Option<Timestamp>, is_so: bool, lasts: Duration, now: Timestamp) -> bool {
    if !is_so {
        *since = None;
        return false;
    }
    let begun = *since.get_or_insert(now);
    if begun > now {
        *since = Some(now);
    }
    now.since(begun) >= lasts
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn thresholds() {
        let settings = Settings::default();
        let steps = [0, 399, 400, 500, 600, 799, 800, 900, 1000].map(|overload| settings.step(overload, 3));
        let expected = [
            Step::Normal,
            Step::Normal,
            Step::CapOutput,
            Step::Stale,
            Step::SmallerModel,
            Step::SmallerModel,
            Step::Refuse(1),
            Step::Refuse(2),
            Step::Refuse(2),
        ];
        assert_eq!(steps, expected);
        assert_eq!(settings.step(1000, 1), Step::SmallerModel, "the only level is the most important one");
    }

    #[test]
    fn the_most_important_level_is_never_refused() {
        for levels in 1..=8 {
            for refused in 0..=9 {
                let step = Step::Refuse(refused);
                assert!(!step.refuses(Level(0), levels));
                let count = (0..levels).filter(|level| step.refuses(Level(*level as u8), levels)).count();
                assert_eq!(count, usize::from(refused).min(levels - 1));
            }
        }
    }

    #[test]
    fn up_at_once_down_slowly_and_all_the_way_when_calm() {
        let settings = Settings::default();
        let mut ladder = Ladder::default();
        let mut update = |overload, millis| {
            let before = ladder.update(overload, 3, at(millis), &settings);
            (before, ladder.step())
        };
        assert_eq!(update(620, 0), (Some(Step::Normal), Step::SmallerModel));
        assert_eq!(update(500, 500), (None, Step::SmallerModel), "within the hysteresis");
        assert_eq!(update(300, 1_000), (None, Step::SmallerModel), "not for long enough");
        assert_eq!(update(300, 30_999), (None, Step::SmallerModel));
        assert_eq!(update(300, 31_000), (Some(Step::SmallerModel), Step::CapOutput));
        assert_eq!(update(100, 31_500), (None, Step::CapOutput));
        assert_eq!(update(100, 20_000), (None, Step::CapOutput), "the clock stepped back");
        assert_eq!(update(0, 21_000), (Some(Step::CapOutput), Step::Normal));
    }

    #[test]
    fn an_overload_that_goes_up_and_down_changes_little() {
        let settings = Settings::default();
        let mut ladder = Ladder::default();
        let changes = (0..120).filter(|second| {
            let overload = if second % 2 == 0 { 620 } else { 200 };
            ladder.update(overload, 3, at(second * 1_000), &settings).is_some()
        });
        assert_eq!(changes.count(), 1);
    }
}
