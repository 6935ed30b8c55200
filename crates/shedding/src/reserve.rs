//! Permits that are kept free for more important requests.
//!
//! Requests in a slot are never interrupted. So where all permits are out, an important request waits until some answer
//! ends, and less important levels leave it a few.
//!
//! How many follows from how much of the pool the important ones want. While the others take whatever is left to them,
//! permits come back at the pool's capacity *C* and important requests come at a rate *λ*. How many of these are beyond
//! what is left to the others then goes up and down like the length of a queue with one server (M/M/1; Kleinrock, Queueing
//! Systems I, 3.2), so with *n* free permits one waits for longer than *t* with the probability
//! *(λ ÷ C)ⁿ · exp(−(C − λ) t)*. The *n* is taken with which [`MAY_WAIT`] of them wait for longer than [`BEARABLE`] of what
//! their first token takes anyway. It does not grow with the pool: a share of it would be too little in a small one, and
//! keep dozens idle in a large one. Nor does it shrink with an Envoy's share of the pool: what others keep free is of no use
//! to requests that wait here. So with half of a pool the most that is kept is twice as much of that half.

use std::time::Duration;

use crate::level::{Level, MAX_LEVELS};
use crate::limit::Permit;
use crate::rates::Rates;

/// The share of important requests that may wait for longer than is bearable.
const MAY_WAIT: f64 = 0.01;
/// What is bearable, as a share of what a first token takes once its request is sent.
const BEARABLE: f64 = 1.0 / 3.0;

/// The most that each level leaves to more important ones, as a share of the limit in thousandths, each at most 900; up to
/// three times as much in an Envoy that has only a part of the pool ([`Rates::share`]). A level with 0 leaves nothing: it is
/// one of those for which the others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// By level. Those of a pool with fewer levels are not looked at.
    pub most_permille: [u16; MAX_LEVELS],
}

impl Default for Reserve {
    /// For the top level, from all others. What that costs is in the README of the simulator, scenario `shedding`.
    fn default() -> Self {
        let mut most_permille = [120; MAX_LEVELS];
        if let Some(top) = most_permille.first_mut() {
            *top = 0;
        }
        Self { most_permille }
    }
}

impl Reserve {
    /// What each of so many levels may use of the limit, in a pool with such rates. `chance` is a random number from 0 to 1:
    /// half a permit is one for half of the time.
    #[must_use]
    pub fn ceilings(&self, limit: u32, levels: usize, rates: &Rates, chance: f64) -> Ceilings {
        let mut by_level = [limit; MAX_LEVELS];
        let mut wanted = 0.0;
        for ((level, permille), ceiling) in (0..).map(Level).zip(self.most_permille).zip(&mut by_level) {
            if permille == 0 {
                wanted += rates.demand(level);
                continue;
            }
            let permille = (f64::from(permille) * (3.0 - 2.0 * rates.share())).min(900.0);
            let most = (f64::from(limit) * permille / 1000.0).max(1.0);
            // Before it is known what the pool can do, as much as there may be.
            let kept = rates.capacity().map_or(most, |capacity| {
                needed(wanted, capacity, rates.upstream().unwrap_or_default()).clamp(1.0, most)
            });
            let kept = (kept + chance.clamp(0.0, 0.999)) as u32;
            // A level that could never go would wait for nothing.
            *ceiling = limit.saturating_sub(kept).max(limit.min(1));
        }
        Ceilings { limit, levels: levels.clamp(1, MAX_LEVELS), by_level }
    }
}

/// How many free permits are enough for requests that come at the rate `wanted`, where permits come back at the rate
/// `capacity`, so that few wait for long beside what their `first_token` takes.
fn needed(wanted: f64, capacity: f64, first_token: Duration) -> f64 {
    if wanted <= 0.0 {
        return 0.0;
    }
    if wanted >= capacity {
        return f64::INFINITY;
    }
    let meanwhile = (capacity - wanted) * BEARABLE * first_token.as_secs_f64();
    ((MAY_WAIT.ln() + meanwhile) / (wanted / capacity).ln()).max(0.0)
}

/// How many requests may be in flight before one of a level waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    limit: u32,
    levels: usize,
    by_level: [u32; MAX_LEVELS],
}

impl Ceilings {
    /// Of all levels together.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// Of this level: at least 1 where the limit is. One beyond the last is like the last.
    #[must_use]
    pub fn of(&self, level: Level) -> u32 {
        self.by_level.get(level.index()).or(self.by_level.last()).copied().unwrap_or(self.limit)
    }

    /// The permit that a request goes with when so many are out, its own included.
    #[must_use]
    pub fn permit(&self, in_flight: u32) -> Permit {
        let lowest = self.by_level.iter().take(self.levels).min().copied().unwrap_or(self.limit);
        Permit { in_flight, reserved: in_flight > lowest && lowest < self.limit }
    }

    /// The least important level that may go while so many are in flight; `None` when no level may. What
    /// [`crate::queue::Queue::take`] is to be told.
    #[must_use]
    pub fn open(&self, in_flight: u32) -> Option<Level> {
        let levels = (0..).map(Level).take(self.levels).zip(self.by_level);
        levels.filter(|(_, ceiling)| in_flight < *ceiling).map(|(level, _)| level).last()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::limit::Window;

    /// Of a pool that gets through 100 requests a second with 50 slots, of whose capacity the levels want these
    /// percentages, and whose first tokens take 50 ms.
    fn rates(wanted: [u32; 3]) -> Rates {
        let mut window = Window { ended: 100, in_flight_us: 50_000_000, ..Window::default() };
        window.arrived.iter_mut().zip(wanted).for_each(|(all, wanted)| *all = wanted);
        window.first_tokens[0].add(50_000);
        let mut rates = Rates::default();
        rates.update(&window, Duration::from_secs(1), 50);
        rates
    }

    #[track_caller]
    fn leave(limit: u32, wanted: [u32; 3], expected: [u32; 3]) {
        let ceilings = Reserve::default().ceilings(limit, 3, &rates(wanted), 0.5);
        assert_eq!([0, 1, 2].map(|level| limit - ceilings.of(Level(level))), expected, "{limit} {wanted:?}");
    }

    #[test]
    fn as_much_is_left_as_the_important_ones_need() {
        leave(50, [0, 50, 50], [0, 1, 1]);
        leave(50, [5, 50, 50], [0, 1, 1]);
        leave(1_000, [60, 90, 150], [0, 8, 8]);
        leave(1_000, [80, 0, 0], [0, 19, 19]);
    }

    #[test]
    fn it_is_no_more_than_there_may_be_and_somebody_may_always_go() {
        leave(50, [60, 90, 150], [0, 6, 6]);
        leave(50, [200, 0, 0], [0, 6, 6]);
        leave(2, [60, 90, 150], [0, 1, 1]);
        leave(1, [60, 90, 150], [0, 0, 0]);
        leave(0, [60, 90, 150], [0, 0, 0]);
    }

    #[test]
    fn an_envoy_with_a_part_of_the_pool_may_keep_more_of_its_part() {
        let mut rates = rates([200, 0, 0]);
        rates.update_share(25, Some(50), Duration::from_secs(1));
        let ceilings = Reserve::default().ceilings(50, 3, &rates, 0.5);
        assert_eq!(50 - ceilings.of(Level(1)), 12, "24 % instead of 12 %");
    }

    #[test]
    fn a_part_of_a_permit_is_kept_for_a_part_of_the_time() {
        let kept = |chance| 55 - Reserve::default().ceilings(55, 3, &rates([200, 0, 0]), chance).of(Level(1));
        assert_eq!([0.0, 0.3, 0.5, 1.0].map(kept), [6, 6, 7, 7], "6.6 at most");
    }

    #[test]
    fn before_the_capacity_is_known_it_is_the_most_there_may_be() {
        let ceilings = Reserve::default().ceilings(40, 3, &Rates::default(), 0.5);
        assert_eq!((ceilings.limit(), ceilings.of(Level(0)), ceilings.of(Level(1))), (40, 40, 35));
        assert_eq!(ceilings.of(Level(200)), 35);
    }

    #[test]
    fn several_levels_can_be_those_for_which_something_is_left() {
        let reserve = Reserve { most_permille: [0, 0, 900, 0, 0, 0, 0, 0] };
        let ceilings = reserve.ceilings(50, 3, &rates([20, 40, 100]), 0.5);
        assert_eq!([0, 1, 2].map(|level| ceilings.of(Level(level))), [50, 50, 42]);
    }

    #[test]
    fn permits_beyond_what_the_least_important_may_use_are_reserved() {
        let ceilings = Ceilings { limit: 20, levels: 3, by_level: [20, 19, 18, 9, 0, 0, 0, 0] };
        assert_eq!(
            [17, 18, 19, 20].map(|in_flight| ceilings.permit(in_flight).reserved),
            [false, false, true, true]
        );
        let none = Ceilings { limit: 20, levels: 1, by_level: [20; MAX_LEVELS] };
        assert!(!none.permit(30).reserved, "there is no reserve");
    }

    #[test]
    fn the_least_important_level_that_may_go() {
        let ceilings = Ceilings { limit: 20, levels: 3, by_level: [20, 19, 18, 90, 0, 0, 0, 0] };
        let open = [17, 18, 19, 20].map(|in_flight| ceilings.open(in_flight));
        assert_eq!(open, [Some(Level(2)), Some(Level(1)), Some(Level(0)), None]);
    }
}
