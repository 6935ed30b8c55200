//! Whether a request goes, waits or is refused.
//!
//! A pool works on as many requests as its limit says. The last part of the limit is kept free for the more important
//! levels: requests in a slot are never interrupted, so without it an important one would wait until some answer ends.
//! A request that could go still waits while others wait that are as important: else those that come would overtake
//! those that are there.

use crate::ladder::Step;
use crate::level::{Level, MAX_LEVELS};
use crate::limit::Permit;
use crate::reason::Reason;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to the upstream, with a permit.
    Admit,
    /// It waits, if the queue takes it.
    Queue,
    /// It gets an answer from here.
    Refuse(Reason),
}

/// The share of the limit that each level leaves to more important ones, in thousandths, each at most 900.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// By level. Those of a pool with fewer levels are not looked at.
    pub permille: [u16; MAX_LEVELS],
}

impl Default for Reserve {
    /// The top level may use everything, all others leave it one slot in twelve. Found with the simulator's scenario
    /// `shedding`, whose README section has the figures.
    fn default() -> Self {
        let mut permille = [80; MAX_LEVELS];
        if let Some(top) = permille.first_mut() {
            *top = 0;
        }
        Self { permille }
    }
}

impl Reserve {
    /// How many requests may be in flight before one of this level waits. At least 1 where the limit is: a level that
    /// could never go would wait for nothing.
    #[must_use]
    pub fn ceiling(&self, limit: u32, level: Level) -> u32 {
        let permille =
            self.permille.get(level.index()).or(self.permille.last()).copied().unwrap_or(0).min(900);
        // Rounded, but a reserve of less than one slot would be none.
        let reserved = ((u64::from(limit) * u64::from(permille) + 500) / 1000).max(u64::from(permille > 0));
        limit.saturating_sub(u32::try_from(reserved).unwrap_or(u32::MAX)).max(limit.min(1))
    }

    /// The permit that a request goes with when so many are out, its own included.
    #[must_use]
    pub fn permit(&self, in_flight: u32, limit: u32, levels: usize) -> Permit {
        let count = u8::try_from(levels.clamp(1, MAX_LEVELS)).unwrap_or(1);
        let lowest = (0..count).map(|level| self.ceiling(limit, Level(level))).min().unwrap_or(limit);
        Permit { in_flight, reserved: in_flight > lowest && lowest < limit }
    }

    /// The least important of `levels` levels that may go while so many are in flight; `None` when no level may. What
    /// [`crate::queue::Queue::take`] is to be told.
    #[must_use]
    pub fn open(&self, in_flight: u32, limit: u32, levels: usize) -> Option<Level> {
        let count = u8::try_from(levels.clamp(1, MAX_LEVELS)).unwrap_or(1);
        (0..count).rev().map(Level).find(|level| in_flight < self.ceiling(limit, *level))
    }
}

/// What is known of a pool when a request comes.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Permits that are out, of all VMs.
    pub in_flight: u32,
    /// What [`crate::control::Control::limit`] says.
    pub limit: u32,
    /// How many wait, by level.
    pub waiting: [u16; MAX_LEVELS],
    /// The step of the ladder.
    pub step: Step,
    /// Endpoints that may be sent a request; `None`: not known, and then not a reason to refuse.
    pub endpoints: Option<u32>,
    /// How many levels the pool has.
    pub levels: usize,
}

/// What becomes of a request of this level.
#[must_use]
pub fn admit(level: Level, situation: &Situation, reserve: &Reserve) -> Verdict {
    if situation.endpoints == Some(0) {
        return Verdict::Refuse(Reason::NoEndpoint);
    }
    if situation.step.refuses(level, situation.levels) {
        return Verdict::Refuse(Reason::Saturated);
    }
    let is_behind = situation.waiting.iter().take(level.index() + 1).any(|waiting| *waiting > 0);
    if !is_behind && situation.in_flight < reserve.ceiling(situation.limit, level) {
        Verdict::Admit
    } else {
        Verdict::Queue
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const CALM: Situation = Situation {
        in_flight: 0,
        limit: 20,
        waiting: [0; MAX_LEVELS],
        step: Step::Normal,
        endpoints: Some(3),
        levels: 3,
    };

    #[track_caller]
    fn becomes(level: u8, situation: Situation, expected: Verdict) {
        let reserve = Reserve { permille: [0, 50, 100, 0, 0, 0, 0, 0] };
        assert_eq!(admit(Level(level), &situation, &reserve), expected);
    }

    #[test]
    fn each_level_leaves_room_for_those_above() {
        for (level, last) in [(0, 19), (1, 18), (2, 17)] {
            becomes(level, Situation { in_flight: last, ..CALM }, Verdict::Admit);
            becomes(level, Situation { in_flight: last + 1, ..CALM }, Verdict::Queue);
        }
    }

    #[test]
    fn nobody_overtakes_who_is_as_important() {
        let waiting = Situation { waiting: [0, 2, 0, 0, 0, 0, 0, 0], ..CALM };
        becomes(0, waiting, Verdict::Admit);
        becomes(1, waiting, Verdict::Queue);
        becomes(2, waiting, Verdict::Queue);
    }

    #[test]
    fn refusals() {
        let one = Situation { step: Step::Refuse(1), ..CALM };
        becomes(2, one, Verdict::Refuse(Reason::Saturated));
        becomes(1, one, Verdict::Admit);
        becomes(0, Situation { endpoints: Some(0), ..CALM }, Verdict::Refuse(Reason::NoEndpoint));
        becomes(0, Situation { endpoints: None, ..CALM }, Verdict::Admit);
    }

    #[test]
    fn a_small_limit_still_lets_somebody_go() {
        let reserve = Reserve::default();
        let ceilings = [0, 1, 2, 12, 13, 100].map(|limit| reserve.ceiling(limit, Level(2)));
        assert_eq!(ceilings, [0, 1, 1, 11, 12, 92]);
        assert_eq!(reserve.ceiling(12, Level(200)), 11);
    }

    #[test]
    fn permits_beyond_what_the_least_important_may_use_are_reserved() {
        let reserve = Reserve { permille: [0, 50, 100, 500, 0, 0, 0, 0] };
        let reserved = [18, 19, 20].map(|in_flight| reserve.permit(in_flight, 20, 3).reserved);
        assert_eq!(reserved, [false, true, true]);
        assert!(!Reserve { permille: [0; 8] }.permit(30, 20, 3).reserved, "there is no reserve");
    }

    #[test]
    fn the_least_important_level_that_may_go() {
        let reserve = Reserve { permille: [0, 50, 100, 0, 0, 0, 0, 0] };
        let open = [17, 18, 19, 20].map(|in_flight| reserve.open(in_flight, 20, 3));
        assert_eq!(open, [Some(Level(2)), Some(Level(1)), Some(Level(0)), None]);
    }
}
