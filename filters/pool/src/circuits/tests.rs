use std::rc::Rc;
use std::time::Duration;

use spillway_breaker::{Fault, Policy, TripReason};
use spillway_contract::metrics::label;
use spillway_host::{Host, fake::Fake};
use spillway_primitives::{Backoff, Timestamp};
use spillway_routing::membership::Member;

use crate::{Choice, Go, Outcome, PoolId, Pools, Probe, Scope, Settings};

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn policy() -> Policy {
    Policy { open: Backoff::new(Duration::from_secs(30), Duration::from_secs(60), 0), ..Policy::default() }
}

/// One Envoy: some VMs that keep circuits and one that chooses, with two endpoints.
struct Envoy {
    host: Rc<Fake>,
    keepers: Vec<(Pools, PoolId)>,
    chooser: Pools,
    pool: PoolId,
}

impl Envoy {
    fn new(policy: Policy, endpoints: &[&str]) -> Self {
        let host = Fake::new();
        host.set_now(at(0));
        let vm = |settings| Pools::new(Rc::clone(&host) as Rc<dyn Host>, settings).unwrap();
        let keepers = (0..3).map(|_| {
            let mut vm = vm(Settings { circuits: Some(policy), ..Settings::default() });
            let pool = vm.pool("inference").unwrap();
            vm.will_book(pool);
            (vm, pool)
        });
        let keepers = keepers.collect();
        let mut chooser = vm(Settings { choice: Some(Choice::default()), ..Settings::default() });
        let pool = chooser.pool("inference").unwrap();
        let members: Vec<_> = endpoints.iter().copied().map(Member::serving).collect();
        chooser.set_members(pool, &members, at(0)).unwrap();
        let mut envoy = Self { host, keepers, chooser, pool };
        envoy.tick(0);
        envoy
    }

    fn tick(&mut self, millis: u64) {
        self.keepers.iter_mut().for_each(|(vm, _)| vm.tick(at(millis)));
        self.chooser.tick(at(millis));
    }

    /// An attempt by one of the keepers, from `began` to `ended`.
    fn attempt(
        &mut self,
        keeper: usize,
        address: &str,
        scope: Scope,
        outcome: Outcome,
        (began, ended): (u64, u64),
    ) {
        self.probed(keeper, address, (scope, None), outcome, (began, ended));
    }

    fn probed(
        &mut self,
        keeper: usize,
        address: &str,
        sent: (Scope, Option<Probe>),
        outcome: Outcome,
        (began, ended): (u64, u64),
    ) {
        let (vm, pool) = &mut self.keepers[keeper];
        let place = vm.place(*pool, address, at(began));
        let attempt = vm.begin(*pool, place, sent, at(began)).unwrap();
        vm.end(attempt, outcome, at(ended));
    }

    /// Three failures, each seen by another keeper.
    fn fails(&mut self, address: &str, scope: Scope, from: u64) {
        for keeper in 0..3 {
            self.attempt(keeper, address, scope, FAILED, (from, from + keeper as u64 * 10));
        }
    }

    fn go(&mut self, keeper: usize, address: &str, scope: Scope, millis: u64) -> Go {
        let (vm, pool) = &mut self.keepers[keeper];
        vm.follow_circuits(*pool);
        let place = vm.place(*pool, address, at(millis)).unwrap();
        vm.admit(*pool, place, scope, at(millis))
    }

    fn eligible(&mut self) -> Vec<String> {
        self.chooser.follow_circuits(self.pool);
        let view = self.chooser.view(self.pool).unwrap();
        view.snapshot().local().iter().map(|place| view.address(*place).unwrap().to_owned()).collect()
    }

    fn due(&mut self, millis: u64) -> Option<Probe> {
        self.chooser.follow_circuits(self.pool);
        self.chooser.due_probe(self.pool, Scope::of(None), at(millis))
    }

    fn circuit(&self, address: &str) -> u64 {
        let name = format!("spillway.pool.inference.endpoint.{}.circuit", label(address));
        self.host.metric_named(&name).unwrap()
    }

    fn counter(&self, noun: &str) -> u64 {
        self.host.metric_named(&format!("spillway.circuit_breaker.{noun}_total")).unwrap()
    }
}

const FAILED: Outcome = Outcome::Failure(Fault::Status(503));
const ANY: Scope = Scope::any();

#[test]
fn three_failures_on_three_envoy_workers_trip_it_and_everybody_knows_at_once() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    assert_eq!(envoy.eligible(), [A, B]);
    envoy.attempt(0, A, ANY, FAILED, (0, 1));
    envoy.attempt(1, A, ANY, FAILED, (0, 2));
    assert_eq!((envoy.eligible().len(), envoy.circuit(A)), (2, 0));
    envoy.attempt(2, A, ANY, FAILED, (0, 3));
    assert_eq!((envoy.eligible(), envoy.circuit(A)), (vec![B.to_owned()], 2));
    assert_eq!(envoy.counter("trips_consecutive_failures"), 1);
    for keeper in 0..3 {
        assert_eq!(envoy.go(keeper, A, ANY, 4), Go::Refused { retry_at: at(30_003) });
        assert_eq!(envoy.go(keeper, B, ANY, 4), Go::Free);
    }
    envoy.tick(1_000);
    assert_eq!(envoy.eligible(), [B], "also after the next look");
}

#[test]
fn a_success_on_another_envoy_worker_ends_the_row() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    for round in 0..10 {
        envoy.attempt(0, A, ANY, FAILED, (round * 100, round * 100 + 1));
        envoy.attempt(1, A, ANY, FAILED, (round * 100, round * 100 + 2));
        envoy.attempt(2, A, ANY, Outcome::Success, (round * 100 + 3, round * 100 + 4));
        for _ in 0..5 {
            envoy.attempt(2, A, ANY, Outcome::Success, (round * 100 + 5, round * 100 + 6));
        }
    }
    assert_eq!(envoy.circuit(A), 0);
}

#[test]
fn only_one_of_two_is_ever_isolated() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.fails(A, ANY, 0);
    envoy.fails(B, ANY, 100);
    assert_eq!((envoy.circuit(A), envoy.circuit(B)), (2, 0));
    assert_eq!(envoy.counter("trips_spared"), 1);
    assert_eq!(envoy.eligible(), [B]);
}

#[test]
fn two_hundred_requests_on_several_vms_send_one_probe() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.fails(A, ANY, 0);
    let mut probes = 0;
    for number in 0..200 {
        probes += usize::from(envoy.due(30_100).is_some());
        probes += usize::from(matches!(envoy.go(number % 3, A, ANY, 30_100), Go::Probe(_)));
    }
    assert_eq!((probes, envoy.circuit(A)), (1, 1));
}

#[test]
fn a_probe_that_succeeds_closes_it_and_one_that_fails_does_not() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.fails(A, ANY, 0);
    assert_eq!(envoy.due(30_019), None);
    let probe = envoy.due(30_020).unwrap();
    envoy.probed(1, A, (ANY, Some(probe)), FAILED, (30_020, 30_030));
    assert_eq!((envoy.circuit(A), envoy.counter("trips_probe_failed")), (2, 1));
    assert_eq!(envoy.due(90_029), None, "twice as long");
    let probe = envoy.due(90_030).unwrap();
    envoy.probed(2, A, (ANY, Some(probe)), Outcome::Success, (90_030, 90_040));
    assert_eq!((envoy.circuit(A), envoy.counter("resets_probes_succeeded")), (0, 1));
    envoy.tick(91_000);
    assert_eq!(envoy.host.metric_named("spillway.pool.inference.isolated_circuits"), Some(0));
    let view = envoy.chooser.view(envoy.pool).unwrap();
    assert!(view.snapshot().is_empty(), "the membership is too old by now");
    let members = [A, B].map(Member::serving);
    envoy.chooser.set_members(envoy.pool, &members, at(91_000)).unwrap();
    assert_eq!(envoy.eligible(), [A, B]);
    let view = envoy.chooser.view(envoy.pool).unwrap();
    assert_eq!(view.snapshot().known(0).unwrap().since, at(90_040), "it warms up from here");
}

#[test]
fn a_probe_travels_as_text_and_is_given_back_when_it_was_not_sent() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.fails(A, ANY, 0);
    let probe = envoy.due(30_100).unwrap();
    let text = probe.to_text();
    let (vm, pool) = &mut envoy.keepers[0];
    vm.follow_circuits(*pool);
    assert_eq!(vm.presented(*pool, 0, text.as_bytes()), Some(probe));
    assert_eq!(vm.presented(*pool, 1, text.as_bytes()), None);
    envoy.chooser.give_back(probe, at(30_200));
    let (vm, pool) = &mut envoy.keepers[0];
    vm.follow_circuits(*pool);
    assert_eq!(vm.presented(*pool, 0, text.as_bytes()), None, "it is not out any more");
    assert!(envoy.due(30_201).is_some(), "the next request may probe");
}

#[test]
fn an_endpoint_that_asks_for_time_gets_it_and_comes_back_without_probes() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    let busy = Outcome::Busy { reason: TripReason::RetryAfter, asked: Duration::from_secs(7) };
    envoy.attempt(0, A, ANY, busy, (0, 1));
    assert_eq!((envoy.circuit(A), envoy.eligible()), (2, vec![B.to_owned()]));
    assert_eq!(envoy.due(7_000), None);
    assert_eq!(envoy.due(7_001), None, "no probe, but it has closed");
    assert_eq!((envoy.circuit(A), envoy.counter("resets_wait_is_over")), (0, 1));
    envoy.tick(8_000);
    assert_eq!(envoy.eligible(), [A, B]);
}

#[test]
fn one_model_that_fails_does_not_take_the_endpoint_from_the_others() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    let (seven, eight) = (Scope::of(Some(7)), Scope::of(Some(8)));
    envoy.fails(A, seven, 0);
    assert_eq!((envoy.circuit(A), envoy.eligible()), (0, vec![A.to_owned(), B.to_owned()]));
    assert!(matches!(envoy.go(0, A, seven, 100), Go::Refused { .. }));
    assert_eq!(envoy.go(0, A, eight, 100), Go::Free);
    let view = envoy.chooser.view(envoy.pool).unwrap();
    assert!(view.is_isolated(0, seven) && !view.is_isolated(0, eight));
    for keeper in 0..3 {
        let refused = Outcome::Failure(Fault::Connect);
        envoy.attempt(keeper, A, eight, refused, (200, 201));
    }
    assert_eq!(
        (envoy.circuit(A), envoy.eligible()),
        (2, vec![B.to_owned()]),
        "no connection: nobody's model works"
    );
}

#[test]
fn what_only_watches_keeps_nobody_out() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.fails(A, Scope::watching(), 0);
    assert_eq!(envoy.counter("trips_observed"), 1);
    assert_eq!((envoy.circuit(A), envoy.eligible().len()), (0, 2));
    assert_eq!(envoy.go(0, A, ANY, 100), Go::Free);
    assert!(
        matches!(envoy.go(0, A, Scope::watching(), 100), Go::Refused { .. }),
        "that is what enforcing would do"
    );
}

#[test]
fn when_everybody_is_isolated_the_earliest_is_known() {
    let mut envoy = Envoy::new(Policy { max_isolated_percent: 100, ..policy() }, &[A, B]);
    envoy.fails(A, ANY, 0);
    let all = |envoy: &mut Envoy| {
        envoy.chooser.follow_circuits(envoy.pool);
        envoy.chooser.all_isolated_for(envoy.pool, ANY, at(5_000))
    };
    assert_eq!(all(&mut envoy), None);
    envoy.fails(B, ANY, 2_000);
    assert_eq!(all(&mut envoy), Some(Duration::from_millis(25_020)));
}

#[test]
fn an_attempt_that_is_too_late_is_judged_once() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    let (vm, pool) = &mut envoy.keepers[0];
    let place = vm.place(*pool, A, at(0));
    let mut stalled: Vec<_> = (0..3).map(|_| vm.begin(*pool, place, (ANY, None), at(0)).unwrap()).collect();
    for attempt in &mut stalled {
        vm.too_late(attempt, at(30_000));
        vm.too_late(attempt, at(31_000));
    }
    assert_eq!((envoy.circuit(A), envoy.counter("trips_consecutive_failures")), (2, 1));
    let (vm, pool) = &mut envoy.keepers[0];
    vm.follow_circuits(*pool);
    let due = vm.admit(*pool, 0, ANY, at(31_000));
    assert!(matches!(due, Go::Refused { .. }), "{due:?}");
    for attempt in stalled {
        vm.end(attempt, Outcome::Failure(Fault::Reset), at(60_000));
    }
    assert_eq!(envoy.counter("trips_consecutive_failures"), 1);
}

#[test]
fn a_seat_that_a_trap_left_behind_is_found_at_the_second_look() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    assert!(super::isolation::admit(&*envoy.host, envoy.pool.0, (0, 0), 2, 50));
    let left = |envoy: &Envoy| super::isolation::retain(&*envoy.host, envoy.pool.0, |_, _| true).0;
    envoy.tick(1_000);
    assert_eq!(left(&envoy), 1);
    envoy.tick(2_000);
    assert_eq!(left(&envoy), 0);
}

#[test]
fn an_open_circuit_keeps_its_seat_however_long_nothing_comes() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.fails(A, ANY, 0);
    (1..20).for_each(|second| envoy.tick(second * 1_000));
    envoy.fails(B, ANY, 20_000);
    assert_eq!((envoy.circuit(A), envoy.circuit(B)), (2, 0), "one of two, not both");
}

#[test]
fn a_circuit_that_is_closed_costs_one_call() {
    let mut envoy = Envoy::new(policy(), &[A, B]);
    envoy.go(0, A, ANY, 1);
    envoy.host.take_calls();
    assert_eq!(envoy.go(0, A, ANY, 2), Go::Free);
    assert_eq!(envoy.host.take_calls(), 1);
}
