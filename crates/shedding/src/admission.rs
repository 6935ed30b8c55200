//! Whether a request goes, waits or is refused.
//!
//! A pool works on as many requests as its limit says, of each level as many as more important ones leave it
//! ([`crate::reserve`]). A request that could go still waits while others wait that are as important: else those that come
//! would overtake those that are there.

use crate::ladder::Step;
use crate::level::{Level, MAX_LEVELS};
use crate::reason::Reason;
use crate::reserve::Ceilings;

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

/// What is known of a pool when a request comes.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Permits that are out, of all VMs.
    pub in_flight: u32,
    /// How many may be out: [`crate::reserve::Reserve::ceilings`].
    pub ceilings: Ceilings,
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
pub fn admit(level: Level, situation: &Situation) -> Verdict {
    if situation.endpoints == Some(0) {
        return Verdict::Refuse(Reason::NoEndpoint);
    }
    if situation.step.refuses(level, situation.levels) {
        return Verdict::Refuse(Reason::Saturated);
    }
    let is_behind = situation.waiting.iter().take(level.index() + 1).any(|waiting| *waiting > 0);
    if !is_behind && situation.in_flight < situation.ceilings.of(level) {
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
    use crate::rates::Rates;
    use crate::reserve::Reserve;

    /// 20 requests may be in flight; each level leaves one more than that above it.
    fn calm() -> Situation {
        let reserve = Reserve { most_permille: [0, 50, 100, 0, 0, 0, 0, 0] };
        Situation {
            in_flight: 0,
            ceilings: reserve.ceilings(20, 3, &Rates::default(), 0.0),
            waiting: [0; MAX_LEVELS],
            step: Step::Normal,
            endpoints: Some(3),
            levels: 3,
        }
    }

    #[track_caller]
    fn becomes(level: u8, situation: Situation, expected: Verdict) {
        assert_eq!(admit(Level(level), &situation), expected);
    }

    #[test]
    fn each_level_leaves_room_for_those_above() {
        for (level, last) in [(0, 19), (1, 18), (2, 17)] {
            becomes(level, Situation { in_flight: last, ..calm() }, Verdict::Admit);
            becomes(level, Situation { in_flight: last + 1, ..calm() }, Verdict::Queue);
        }
    }

    #[test]
    fn nobody_overtakes_who_is_as_important() {
        let waiting = Situation { waiting: [0, 2, 0, 0, 0, 0, 0, 0], ..calm() };
        becomes(0, waiting, Verdict::Admit);
        becomes(1, waiting, Verdict::Queue);
        becomes(2, waiting, Verdict::Queue);
    }

    #[test]
    fn refusals() {
        let one = Situation { step: Step::Refuse(1), ..calm() };
        becomes(2, one, Verdict::Refuse(Reason::Saturated));
        becomes(1, one, Verdict::Admit);
        becomes(0, Situation { endpoints: Some(0), ..calm() }, Verdict::Refuse(Reason::NoEndpoint));
        becomes(0, Situation { endpoints: None, ..calm() }, Verdict::Admit);
    }
}
