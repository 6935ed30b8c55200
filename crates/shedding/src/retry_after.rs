//! When a client that is refused should come back.
//!
//! If all of them came back as soon as the burst is over, that would be the next burst. So each is promised a place in a
//! line of returns, at the rate that the pool is expected to have to spare, and the line begins when the burst is expected
//! to be over:
//!
//! ```text
//! delay = burst + outstanding promises ÷ spare rate,    spare rate = use · capacity − load that was there before
//! ```
//!
//! Outstanding promises are counted by a gauge that all VMs share: [`Settings::promise`] is given the count, and whoever
//! ticks takes off what [`Settings::drained`] says. Since the count is worked off at the spare rate from the first
//! promise on, each delay leads to a place of its own: the first promise to `burst` from now, and every further one
//! to 1 / spare rate after the one before, whenever it is made.
//!
//! While the overload lasts the line grows, up to the cap. Who is beyond it gets a time from the upper half up to the cap:
//! not all the same. Jitter only lengthens, as in [`spillway_primitives::Backoff`].

use std::time::Duration;

use spillway_primitives::Rng;

use crate::rates::Rates;

/// What an operator sets about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// A burst is expected to be over after so long: nobody is told to come back sooner.
    pub burst: Duration,
    /// Nobody is told to come back later.
    pub cap: Duration,
    /// The share of the capacity that may be planned with, in thousandths. The rest is for chance.
    pub use_permille: u16,
    /// At least this share of the capacity is given to returns, in thousandths, however high the load was before.
    pub least_permille: u16,
    /// Delays are up to so much longer, in thousandths.
    pub jitter_permille: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            burst: Duration::from_secs(10),
            cap: Duration::from_secs(120),
            use_permille: 900,
            least_permille: 100,
            jitter_permille: 100,
        }
    }
}

impl Settings {
    /// Returns a second that the pool can be expected to have room for; more than zero. Without a known capacity one.
    #[must_use]
    pub fn spare_per_second(&self, rates: &Rates) -> f64 {
        let Some(capacity) = rates.capacity() else { return 1.0 };
        let share = |permille: u16| capacity * f64::from(permille.min(1000)) / 1000.0;
        let least = share(self.least_permille.max(1)).max(0.01);
        // Load that is unknown was never below capacity.
        rates.offered().map_or(least, |offered| (share(self.use_permille) - offered).max(least))
    }

    /// Whether a promise has a place of its own in the line, and is to be counted. Beyond the cap it has none: there
    /// a count would say nothing, and would not be worked off for as long as it was counted.
    #[must_use]
    pub fn has_place(&self, outstanding: u64, rates: &Rates) -> bool {
        self.line(outstanding, rates) < self.longest()
    }

    /// When to come back, given the promises that are outstanding. The caller counts one more where [`Self::has_place`].
    #[must_use]
    pub fn promise(&self, outstanding: u64, rates: &Rates, rng: &mut Rng) -> Duration {
        let cap = self.longest();
        let line = self.line(outstanding, rates);
        let jitter = 1.0 + f64::from(self.jitter_permille) / 1000.0 * rng.f64();
        let delay = if line >= cap { cap * (0.5 + 0.5 * rng.f64()) } else { (line * jitter).min(cap) };
        Duration::from_secs_f64(delay)
    }

    /// The latest time that anybody is told, in seconds from now.
    fn longest(&self) -> f64 {
        self.cap.max(Duration::from_secs(1)).as_secs_f64()
    }

    /// The end of the line, in seconds from now.
    fn line(&self, outstanding: u64, rates: &Rates) -> f64 {
        self.burst.as_secs_f64() + outstanding as f64 / self.spare_per_second(rates)
    }

    /// How many promises are worked off in so much time. What is less than one is left to chance, so that a short tick is
    /// not rounded to none for ever.
    #[must_use]
    pub fn drained(&self, outstanding: u64, passed: Duration, rates: &Rates, rng: &mut Rng) -> u64 {
        let drained = self.spare_per_second(rates) * passed.as_secs_f64();
        let whole = drained.floor();
        let more = u64::from(rng.f64() < drained - whole);
        (whole as u64).saturating_add(more).min(outstanding)
    }
}

/// The value of `Retry-After`: whole seconds, at least 1, rounded by chance, so that a line is not bunched into seconds
/// more than it must be.
#[must_use]
pub fn header_seconds(delay: Duration, rng: &mut Rng) -> u64 {
    let seconds = delay.as_secs_f64();
    let more = u64::from(rng.f64() < seconds.fract());
    (seconds as u64).saturating_add(more).max(1)
}

#[cfg(test)]
mod tests {
    use spillway_primitives::rng_from;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::limit::Window;

    /// A pool that gets through 20 a second and was offered 8.
    fn rates() -> Rates {
        let mut rates = Rates::default();
        let window = Window {
            arrived: [8, 0, 0, 0, 0, 0, 0, 0],
            ended: 8,
            in_flight_us: 8_000_000,
            ..Window::default()
        };
        rates.update(&window, Duration::from_secs(1), 20);
        rates
    }

    #[test]
    fn spare_is_what_was_not_used_before() {
        let settings = Settings::default();
        assert!((settings.spare_per_second(&rates()) - 10.0).abs() < 1e-6);
        assert_eq!(settings.spare_per_second(&Rates::default()), 1.0);
        let mut busy = rates();
        let window = Window {
            arrived: [60_000, 0, 0, 0, 0, 0, 0, 0],
            ended: 1,
            in_flight_us: 1_000_000,
            ..Window::default()
        };
        busy.update(&window, Duration::from_secs(60), 20);
        let least = busy.capacity().unwrap() / 10.0;
        assert!((settings.spare_per_second(&busy) - least).abs() < 1e-6);
    }

    #[test]
    fn every_promise_has_a_place_of_its_own() {
        let settings = Settings { jitter_permille: 0, ..Settings::default() };
        let (rates, mut rng) = (rates(), rng_from(&[1]));
        let delays =
            [0, 10, 100].map(|outstanding| settings.promise(outstanding, &rates, &mut rng).as_secs_f64());
        for (delay, expected) in delays.into_iter().zip([10.0, 11.0, 20.0]) {
            assert!((delay - expected).abs() < 1e-3, "{delay}");
        }
        // Twenty a second are refused for ten seconds: they come back at ten a second, one after the other.
        let mut outstanding = 0;
        let mut returns = Vec::new();
        for tick in 0..200_u64 {
            outstanding -= settings.drained(outstanding, Duration::from_millis(50), &rates, &mut rng);
            returns.push(tick as f64 / 20.0 + settings.promise(outstanding, &rates, &mut rng).as_secs_f64());
            outstanding += 1;
        }
        let in_second = |second: usize| returns.iter().filter(|at| **at as usize == second).count();
        for second in 10..29 {
            assert!((6..=15).contains(&in_second(second)), "{} in second {second}", in_second(second));
        }
    }

    #[test]
    fn beyond_the_cap_they_are_spread() {
        let settings = Settings::default();
        let (rates, mut rng) = (rates(), rng_from(&[1]));
        let delays: Vec<f64> =
            (0..1_000).map(|_| settings.promise(1_000_000, &rates, &mut rng).as_secs_f64()).collect();
        assert!(delays.iter().all(|delay| (60.0..=120.0).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 65.0) && delays.iter().any(|delay| *delay > 115.0));
    }

    #[test]
    fn seconds_of_the_header() {
        let mut rng = rng_from(&[1]);
        assert_eq!(header_seconds(Duration::from_millis(20), &mut rng), 1);
        assert_eq!(header_seconds(Duration::from_secs(7), &mut rng), 7);
        let mean =
            (0..1_000).map(|_| header_seconds(Duration::from_millis(10_250), &mut rng)).sum::<u64>() as f64;
        assert!((mean / 1_000.0 - 10.25).abs() < 0.05);
    }

    #[test]
    fn beyond_the_cap_nothing_is_counted() {
        let (settings, rates) = (Settings::default(), rates());
        let spare = settings.spare_per_second(&rates);
        let most = ((settings.cap - settings.burst).as_secs_f64() * spare) as u64;
        assert!(settings.has_place(most - 1, &rates) && !settings.has_place(most + 1, &rates));
    }
}
