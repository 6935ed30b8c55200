use spillway_primitives::{Backoff, rng_from};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::Ratio;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn policy() -> Policy {
    Policy {
        open: Backoff::new(Duration::from_secs(30), Duration::from_secs(100), 0),
        ratio: Some(Ratio { failure_permille: 500, min_requests: 10, window: Duration::from_secs(10) }),
        ..Policy::default()
    }
}

/// A circuit under test: events at milliseconds, each told whether the circuit should now open and does.
struct Bench {
    circuit: Circuit,
    policy: Policy,
    rng: Rng,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        Self { circuit: Circuit::default(), policy, rng: rng_from(&[1]) }
    }

    fn fails(&mut self, began: u64, now: u64, successes: u64) -> Option<Change> {
        let event = Event { began: at(began), now: at(now), successes };
        let reason = self.circuit.failed(event, &self.policy)?;
        self.circuit.trip(reason, None, at(now), &self.policy, &mut self.rng)
    }

    fn tripped(&mut self) -> &mut Self {
        for now in [0, 10, 20] {
            self.fails(now, now, 0);
        }
        assert_eq!(self.circuit.state(), State::Open);
        self
    }

    fn admit(&mut self, now: u64) -> (Admission, Option<Change>) {
        self.circuit.admit(at(now), &self.policy, &mut self.rng)
    }

    #[track_caller]
    fn probe(&mut self, now: u64) -> Permit {
        match self.admit(now).0 {
            Admission::Probe(permit) => permit,
            other => panic!("{other:?} at {now}"),
        }
    }

    #[track_caller]
    fn refuses(&mut self, now: u64, retry_at: u64) {
        assert_eq!(self.admit(now).0, Admission::Refused { retry_at: at(retry_at) }, "at {now}");
    }

    fn resolve(&mut self, permit: Permit, succeeded: bool, now: u64) -> Option<Change> {
        self.circuit.resolve(permit, succeeded, at(now), &self.policy, &mut self.rng)
    }
}

const fn tripped(reason: TripReason, seconds: u64) -> Option<Change> {
    Some(Change::Tripped { reason, lasts: Duration::from_secs(seconds) })
}

#[test]
fn three_failures_in_a_row_open_it_for_half_a_minute() {
    let mut bench = Bench::new(policy());
    assert_eq!(bench.fails(0, 10, 0), None);
    assert_eq!(bench.fails(0, 11, 0), None);
    assert_eq!(bench.admit(12).0, Admission::Free);
    assert_eq!(bench.fails(0, 12, 0), tripped(TripReason::ConsecutiveFailures, 30));
    bench.refuses(13, 30_012);
    bench.refuses(30_011, 30_012);
    assert_eq!(bench.fails(20_000, 21_000, 0), None, "late failures change nothing");
    bench.refuses(30_011, 30_012);
}

#[test]
fn a_success_in_between_ends_the_row_unless_it_is_from_before() {
    let mut bench = Bench::new(policy());
    bench.fails(0, 10, 0);
    bench.fails(0, 20, 0);
    assert!(!bench.circuit.succeeded(at(15), at(25)), "sent before the last failure");
    assert!(bench.circuit.succeeded(at(21), at(30)));
    assert!(!bench.circuit.succeeded(at(22), at(31)), "nothing to forget");
    assert_eq!(bench.fails(30, 40, 0), None);
    assert_eq!(bench.fails(30, 41, 0), None);
    assert_eq!(bench.fails(30, 42, 0), tripped(TripReason::ConsecutiveFailures, 30));
}

#[test]
fn a_large_share_of_failures_opens_it() {
    let mut bench = Bench::new(policy());
    // 5 of 9 are too few to say anything.
    for n in 0..5 {
        assert_eq!(bench.fails(n * 10, n * 10 + 5, n), None, "at {n}");
        bench.circuit.succeeded(at(n * 10 + 6), at(n * 10 + 7));
    }
    assert_eq!(bench.fails(55, 56, 5), tripped(TripReason::FailureRatio, 30));
}

#[test]
fn half_open_takes_so_many_probes_and_closes_after_so_many_successes() {
    let mut bench = Bench::new(Policy { probes: 2, successes: 3, ..policy() });
    bench.tripped();
    let (first, second) = (bench.probe(30_020), bench.probe(30_020));
    bench.refuses(30_021, 90_020);
    assert_eq!(bench.resolve(first, true, 30_100), None);
    assert_eq!(bench.resolve(first, true, 30_101), None, "a permit counts once");
    let third = bench.probe(30_102);
    bench.refuses(30_103, 90_020);
    assert_eq!(bench.resolve(second, true, 30_104), None);
    assert_eq!(bench.resolve(third, true, 30_105), Some(Change::Reset(ResetReason::ProbesSucceeded)));
    assert_eq!(bench.admit(30_106).0, Admission::Free);
    assert_eq!(bench.circuit.since(), at(30_105), "the slow start begins here");
}

#[test]
fn a_failed_probe_opens_it_for_twice_as_long_up_to_the_ceiling() {
    let mut bench = Bench::new(policy());
    bench.tripped();
    let mut now = 20;
    for seconds in [60, 100, 100] {
        now = bench.circuit.retry_at(&bench.policy).unwrap().as_millis() - at(0).as_millis();
        let permit = bench.probe(now);
        assert_eq!(bench.resolve(permit, false, now), tripped(TripReason::ProbeFailed, seconds));
    }
    let permit = bench.probe(now + 100_000);
    bench.resolve(permit, true, now + 100_001);
    for n in 0..3 {
        now += 100_002 + n;
        let change = bench.fails(now, now, 0);
        assert_eq!(change, if n == 2 { tripped(TripReason::ConsecutiveFailures, 30) } else { None });
    }
}

#[test]
fn an_answer_from_before_counts_for_nothing() {
    let mut bench = Bench::new(policy());
    bench.tripped();
    let old = bench.probe(30_020);
    bench.resolve(old, false, 30_030);
    let new = bench.probe(90_030);
    assert_ne!(old, new);
    assert_eq!(bench.resolve(old, true, 90_031), None);
    assert_eq!(bench.circuit.state(), State::HalfOpen);
    assert!(!bench.circuit.succeeded(at(90_030), at(90_032)), "no probe");
    bench.resolve(new, true, 90_040);
    for _ in 0..5 {
        assert_eq!(bench.fails(90_039, 90_050, 0), None, "sent before it closed");
    }
}

#[test]
fn a_probe_that_never_was_is_given_back_and_a_lost_one_fails() {
    let mut bench = Bench::new(policy());
    bench.tripped();
    let permit = bench.probe(30_020);
    assert!(bench.circuit.is_out(permit));
    assert!(bench.circuit.give_back(permit));
    assert!(!bench.circuit.give_back(permit));
    bench.probe(30_030);
    let (admission, change) = bench.admit(90_030);
    assert_eq!(admission, Admission::Refused { retry_at: at(150_030) });
    assert_eq!(change, tripped(TripReason::ProbeLost, 60));
}

#[test]
fn an_endpoint_that_asked_for_time_is_not_broken() {
    let mut bench = Bench::new(policy());
    let asked = |seconds| Some(Duration::from_secs(seconds));
    let trip = |bench: &mut Bench, seconds, now| {
        bench.circuit.trip(TripReason::RetryAfter, asked(seconds), at(now), &bench.policy, &mut bench.rng)
    };
    assert_eq!(trip(&mut bench, 7, 0), tripped(TripReason::RetryAfter, 7));
    assert_eq!(trip(&mut bench, 9, 1), None, "once is enough");
    bench.refuses(6_999, 7_000);
    assert_eq!(bench.admit(7_000), (Admission::Free, Some(Change::Reset(ResetReason::WaitIsOver))));
    assert_eq!(trip(&mut bench, 86_400, 8_000), tripped(TripReason::RetryAfter, 60), "nobody asks for a day");
}

#[test]
fn a_clock_that_steps_back_does_not_keep_it_open() {
    let mut bench = Bench::new(policy());
    let hour = 3_600_000;
    for now in 0..3 {
        bench.fails(hour + now, hour + now, 0);
    }
    let permit = bench.probe(0);
    assert_eq!(bench.resolve(permit, true, 10), Some(Change::Reset(ResetReason::ProbesSucceeded)));
    let mut bench = Bench::new(policy());
    bench.circuit.since = at(hour);
    for now in 0..2 {
        assert_eq!(bench.fails(now, now, 0), None);
    }
    assert_eq!(bench.fails(2, 2, 0), tripped(TripReason::ConsecutiveFailures, 30));
}

#[test]
fn what_can_be_forgotten() {
    let warm_up = Duration::from_secs(10);
    let mut bench = Bench::new(policy());
    assert!(bench.circuit.is_forgettable(at(0), warm_up));
    bench.fails(0, 0, 0);
    assert!(!bench.circuit.is_forgettable(at(0), warm_up));
    bench.fails(0, 0, 0);
    bench.fails(0, 0, 0);
    let permit = bench.probe(30_000);
    bench.resolve(permit, true, 30_000);
    assert!(!bench.circuit.is_forgettable(at(39_999), warm_up), "it warms up");
    assert!(bench.circuit.is_forgettable(at(40_000), warm_up));
}
