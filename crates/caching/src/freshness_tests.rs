use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const STORED: u64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(STORED.saturating_add_signed(seconds) * 1_000)
}

fn ttl() -> Ttl {
    Ttl {
        default: Duration::from_secs(60),
        max: Duration::from_secs(100),
        stale_while_revalidate: Duration::from_secs(10),
        stale_if_error: Duration::from_secs(20),
        stale_when_busy: Duration::from_secs(30),
        max_stale: Duration::from_secs(40),
    }
}

fn of(control: &str, age: u64) -> Freshness {
    let control = ResponseControl::parse([control.as_bytes()]);
    Freshness::of(&control, &ttl(), Duration::from_secs(age), at(0))
}

const CALM: Circumstances = Circumstances { busy: false, upstream_failed: false };
const BUSY: Circumstances = Circumstances { busy: true, upstream_failed: false };
const FAILED: Circumstances = Circumstances { busy: false, upstream_failed: true };
const BOTH: Circumstances = Circumstances { busy: true, upstream_failed: true };

#[track_caller]
fn check(freshness: &Freshness, second: i64, circumstances: Circumstances, expected: State) {
    assert_eq!(freshness.state(at(second), circumstances), expected, "at {second} s: {freshness:?}");
}

#[test]
fn a_life() {
    let entry = of("", 0);
    check(&entry, 0, BOTH, State::Fresh);
    check(&entry, 59, BOTH, State::Fresh);
    check(&entry, 60, CALM, State::StaleWhileRevalidate);
    check(&entry, 60, BUSY, State::StaleWhenBusy);
    check(&entry, 60, BOTH, State::StaleIfError);
    check(&entry, 70, CALM, State::Expired);
    check(&entry, 79, FAILED, State::StaleIfError);
    check(&entry, 80, FAILED, State::Expired);
    check(&entry, 80, BOTH, State::StaleWhenBusy);
    check(&entry, 89, BUSY, State::StaleWhenBusy);
    check(&entry, 90, BOTH, State::Expired);
    assert_eq!(entry.forgotten_at(), at(90));
}

#[test]
fn the_answer_says_and_the_rule_bounds() {
    check(&of("max-age=99", 0), 98, CALM, State::Fresh);
    check(&of("max-age=1000", 0), 100, CALM, State::StaleWhileRevalidate);
    check(&of("s-maxage=5, max-age=50", 0), 5, BOTH, State::Expired);
    check(&of("stale-if-error=1000", 0), 99, FAILED, State::StaleIfError);
    check(&of("stale-if-error=1000", 0), 100, FAILED, State::Expired);
    check(&of("stale-while-revalidate=0", 0), 60, CALM, State::Expired);
    check(&of("must-revalidate", 0), 60, BOTH, State::Expired);
    assert!(!of("max-age=0, must-revalidate", 0).is_worth_keeping());
    assert!(of("max-age=0", 0).is_worth_keeping(), "it may yet be served when busy");
}

#[test]
fn an_answer_may_be_old_when_it_comes() {
    let entry = of("max-age=60", 50);
    assert_eq!(entry.age(at(5)), Duration::from_secs(55));
    assert_eq!(entry.remaining(at(5)), Ok(Duration::from_secs(5)));
    assert_eq!(entry.remaining(at(15)), Err(Duration::from_secs(5)));
    check(&entry, 10, CALM, State::StaleWhileRevalidate);
    assert_eq!(entry.forgotten_at(), at(40));
    assert!(!of("max-age=60", 1_000).is_worth_keeping());
}

#[test]
fn a_clock_that_steps_back() {
    let entry = of("max-age=60", 7);
    assert_eq!(entry.age(at(-30)), Duration::from_secs(7));
    check(&entry, -30, CALM, State::Fresh);
    check(&entry, -3_600, CALM, State::Expired);
}

proptest! {
    /// Never used past its bounds, and what is forgotten is of no use to anybody.
    #[test]
    fn bounds_hold(
        seconds in proptest::collection::vec(proptest::option::of(0u64..200), 4), age in 0u64..200,
        at_second in -300i64..400, busy: bool, upstream_failed: bool, must_revalidate: bool,
    ) {
        let time = |n: usize| seconds[n].map(Duration::from_secs);
        let control = ResponseControl {
            max_age: time(0),
            s_maxage: time(1),
            stale_while_revalidate: time(2),
            stale_if_error: time(3),
            must_revalidate,
            ..ResponseControl::default()
        };
        let entry = Freshness::of(&control, &ttl(), Duration::from_secs(age), at(0));
        let now = at(at_second);
        let state = entry.state(now, Circumstances { busy, upstream_failed });
        prop_assert!(entry.age(now) >= Duration::from_secs(age));
        prop_assert!(state == State::Expired || now < entry.forgotten_at());
        prop_assert!(state != State::Fresh || entry.age(now) < ttl().max);
        prop_assert!(entry.age(now) < ttl().max + ttl().max_stale || state == State::Expired);
        if control.forbids_stale() {
            prop_assert!(matches!(state, State::Fresh | State::Expired), "{:?}", state);
        }
        prop_assert!(busy || state != State::StaleWhenBusy);
        prop_assert!(upstream_failed || state != State::StaleIfError);
    }
}
