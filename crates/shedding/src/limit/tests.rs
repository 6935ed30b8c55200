use std::time::Duration;

use spillway_primitives::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::limiter::Around;
use super::*;

/// A pool whose requests come one after the other as soon as they may: so many slots, answers of so many seconds.
struct Pool {
    limiter: Limiter,
    settings: Settings,
    slots: f64,
    prefill_us: f64,
    seconds: f64,
    now: Timestamp,
}

impl Pool {
    fn new(slots: u32, endpoints: u32) -> Self {
        let mut limiter = Limiter::default();
        let settings = Settings::default();
        limiter.with_endpoints(endpoints, &settings);
        let now = Timestamp::from_millis(1_700_000_000_000);
        Self { limiter, settings, slots: f64::from(slots), prefill_us: 40_000.0, seconds: 1.0, now }
    }

    fn limit(&self) -> u32 {
        self.limiter.limit(&self.settings)
    }

    /// A window of one second, as it would be with so many in flight.
    fn window(&self, in_flight: f64) -> Window {
        let queued = (in_flight - self.slots).max(0.0);
        let rate = in_flight.min(self.slots) / self.seconds;
        let ttft = self.prefill_us + queued / rate * 1e6;
        let mut window = Window { contended: true, ..Window::default() };
        (0..rate.round() as u32).for_each(|_| window.first_tokens[0].add(ttft as u64));
        window.sent = rate.round() as u32;
        window.sent_streamed = window.sent;
        window.in_flight_us = (in_flight * 1e6) as u64;
        window.unstarted_us = (rate * ttft) as u64;
        window
    }

    fn update(&mut self, window: &Window, reported: Option<Reported>) {
        self.update_share(window, reported, 1.0);
    }

    fn update_share(&mut self, window: &Window, reported: Option<Reported>, share: f64) {
        self.now = self.now.plus(Duration::from_secs(1));
        self.limiter.update(self.now, &Around { window, length_us: 1e6, reported, share }, &self.settings);
    }

    fn saturated(&mut self, seconds: u32) {
        for _ in 0..seconds {
            let window = self.window(f64::from(self.limit()));
            self.update(&window, None);
        }
    }

    #[track_caller]
    fn has_limit(&self, expected: std::ops::RangeInclusive<u32>) {
        assert!(expected.contains(&self.limit()), "{} is not in {expected:?}", self.limit());
    }
}

#[test]
fn it_finds_the_slots_from_below_and_stays() {
    for slots in [16, 24, 128, 1_000] {
        let mut pool = Pool::new(slots, 3);
        assert_eq!(pool.limit(), 12);
        pool.saturated(20);
        for _ in 0..200 {
            pool.saturated(1);
            pool.has_limit(slots..=slots + slots / 10 + 2);
        }
    }
}

#[test]
fn it_changes_in_proportion_when_endpoints_come_and_go() {
    let mut pool = Pool::new(24, 3);
    pool.saturated(20);
    assert!(pool.limiter.with_endpoints(2, &pool.settings));
    let before = pool.limit();
    pool.has_limit(16..=18);
    assert!(!pool.limiter.with_endpoints(2, &pool.settings), "nothing has changed");
    assert!(!pool.limiter.with_endpoints(0, &pool.settings));
    assert_eq!(pool.limit(), before, "with none there is nothing to learn");
}

#[test]
fn a_pool_that_is_not_saturated_keeps_its_limit() {
    let mut pool = Pool::new(24, 3);
    pool.saturated(20);
    let before = pool.limit();
    for in_flight in [1.0, 12.0, 20.0] {
        let window = Window { contended: false, peak_in_flight: 20, ..pool.window(in_flight) };
        pool.update(&window, None);
        assert_eq!(pool.limit(), before);
    }
}

/// Less important requests leave a tenth free, of which others use half in the mean.
#[test]
fn it_grows_until_those_in_the_reserve_begin_to_wait() {
    let mut pool = Pool::new(100, 4);
    for _ in 0..400 {
        let limit = f64::from(pool.limit());
        let mut window = pool.window(limit * 0.9);
        for in_flight in [limit * 0.92, limit * 0.95, limit * 0.98] {
            let wait = (in_flight - pool.slots).max(0.0) * pool.seconds * 1e6 / pool.slots;
            (0..5).for_each(|_| window.reserved[0].add((pool.prefill_us + wait) as u64));
        }
        pool.update(&window, None);
    }
    // The others may use 90 % of it: less than the slots.
    pool.has_limit(100..=109);
}

#[test]
fn a_hung_endpoint_is_no_queue() {
    let mut pool = Pool::new(24, 3);
    pool.saturated(20);
    let before = pool.limit();
    for _ in 0..30 {
        // Eight of those in flight never begin; the others do not wait.
        let mut window = pool.window(16.0);
        window.in_flight_us += 8_000_000;
        window.unstarted_us += 8_000_000;
        pool.update(&window, None);
        assert_eq!(pool.limit(), before);
    }
}

#[test]
fn first_tokens_that_take_longer_for_good_become_the_baseline() {
    let mut pool = Pool::new(128, 4);
    pool.saturated(20);
    pool.prefill_us = 160_000.0;
    pool.saturated(60);
    pool.has_limit(115..=140);
}

#[test]
fn the_baseline_is_measured_with_a_dip_and_no_collapse() {
    let mut pool = Pool::new(24, 3);
    pool.saturated(250);
    let mut least = u32::MAX;
    let mut dips = 0;
    for _ in 0..3_000 {
        pool.saturated(1);
        least = least.min(pool.limit());
        dips += u32::from(pool.limit() < 24);
    }
    assert!((18..=20).contains(&least), "{least}");
    assert!((8..=40).contains(&dips), "{dips} windows in 50 minutes");
    pool.has_limit(24..=27);
}

#[test]
fn reports_bound_it_from_both_sides() {
    let mut pool = Pool::new(24, 3);
    let reported = Reported { slots: 24, running: 6, waiting: 0 };
    let window = pool.window(6.0);
    pool.update(&window, Some(reported));
    pool.has_limit(22..=24);
    // Workers with fewer slots than it had found.
    let few = Reported { slots: 8, running: 8, waiting: 9 };
    let window = pool.window(20.0);
    pool.update(&window, Some(few));
    assert_eq!(pool.limit(), 9);
    // Another Envoy uses the rest.
    let shared = Reported { slots: 24, running: 24, waiting: 0 };
    let window = pool.window(9.0);
    pool.update(&window, Some(shared));
    pool.has_limit(9..=10);
}

/// Each of two Envoys sees no queue of its own worth the name, and the slots are few.
#[test]
fn where_slots_are_scarce_an_envoy_is_held_to_its_share_and_a_little() {
    let mut pool = Pool::new(24, 3);
    let mut report = |running, waiting, share| {
        let window = pool.window(11.0);
        pool.update_share(&window, Some(Reported { slots: 24, running, waiting }), share);
        pool.limit()
    };
    assert!(report(12, 0, 0.5) > 18, "nobody needs to be held to anything");
    assert_eq!(report(24, 2, 0.5), 13);
    assert_eq!(report(24, 2, 0.25), 8, "more than a quarter: small shares grow");
    assert_eq!(report(24, 2, 0.75), 8, "it does not grow while requests wait");
    assert_eq!(report(24, 0, 1.0), 10, "it grows to what is seen to be free, and a step");
}
