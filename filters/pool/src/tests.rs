use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use spillway_contract::load_report::LoadReport;
use spillway_host::{Host, fake::Fake};
use spillway_primitives::Timestamp;
use spillway_routing::membership::Member;
use spillway_routing::table::Bounds;

use super::*;
use spillway_breaker::Fault;

fn at_millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn vm(host: &Rc<Fake>) -> Pools {
    let settings = Settings { choice: Some(Choice::default()), ..Settings::default() };
    Pools::new(Rc::clone(host) as Rc<dyn Host>, settings).unwrap()
}

fn begin(pools: &mut Pools, pool: PoolId, address: &str, now: Timestamp) -> Option<Attempt> {
    let place = pools.place(pool, address, now);
    pools.begin(pool, place, (Scope::of(None), None), now)
}

const FAILED: Outcome = Outcome::Failure(Fault::Reset);

fn in_flight(host: &Fake, endpoint: &str) -> u64 {
    let name =
        format!("spillway.pool.inference.endpoint.{}.in_flight", spillway_contract::metrics::label(endpoint));
    host.metric_named(&name).unwrap_or(0)
}

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";

#[test]
fn two_vms_count_together() {
    let host = Fake::new();
    let (mut first, mut second) = (vm(&host), vm(&host));
    let now = at_millis(0);
    let (here, there) = (first.pool("inference").unwrap(), second.pool("inference").unwrap());
    let one = begin(&mut first, here, A, now).unwrap();
    let two = begin(&mut second, there, A, now).unwrap();
    let other = begin(&mut second, there, B, now).unwrap();
    assert_eq!((in_flight(&host, A), in_flight(&host, B)), (2, 1));
    first.tick(now);
    assert_eq!(first.view(here).unwrap().live(&*host, 0, Scope::of(None)).in_flight, 2);
    first.end(one, Outcome::Success, now);
    second.end(two, Outcome::Success, now);
    second.end(other, Outcome::Success, now);
    assert_eq!((in_flight(&host, A), in_flight(&host, B)), (0, 0));
}

#[test]
fn pools_do_not_mix() {
    let host = Fake::new();
    let mut vm = vm(&host);
    let (chat, batch) = (vm.pool("inference").unwrap(), vm.pool("batch").unwrap());
    let attempt = begin(&mut vm, batch, A, at_millis(0)).unwrap();
    assert_eq!(in_flight(&host, A), 0);
    assert_eq!(host.metric_named("spillway.pool.batch.endpoint.10_0_0_1_80.in_flight"), Some(1));
    assert!(vm.view(chat).unwrap().place_of(A).is_none());
    vm.end(attempt, Outcome::Success, at_millis(0));
}

#[test]
fn only_pools_with_attempts_are_marked_as_booked() {
    let host = Fake::new();
    let (mut booker, mut other) = (vm(&host), vm(&host));
    let (chat, batch) = (booker.pool("inference").unwrap(), booker.pool("batch").unwrap());
    let attempt = begin(&mut booker, chat, A, at_millis(0)).unwrap();
    booker.mark_booked(at_millis(0));
    other.tick(at_millis(0));
    let booked = |pools: &Pools, pool| pools.view(pool).unwrap().is_booked_elsewhere();
    assert!(booked(&other, chat));
    assert!(!booked(&other, batch), "a cluster without the filter is not booked by its neighbour's");
    booker.end(attempt, Outcome::Success, at_millis(0));
}

#[test]
fn what_a_trapped_vm_owes_is_taken_back_within_ten_seconds_and_once() {
    let host = Fake::new();
    let (mut trapped, mut alive) = (vm(&host), vm(&host));
    let (theirs, ours) = (trapped.pool("inference").unwrap(), alive.pool("inference").unwrap());
    let lost: Vec<_> = (0..20).map(|_| begin(&mut trapped, theirs, A, at_millis(0)).unwrap()).collect();
    let kept = begin(&mut alive, ours, A, at_millis(0)).unwrap();
    drop((trapped, lost));
    for second in 1..=10 {
        alive.tick(at_millis(second * 1000));
    }
    assert_eq!(in_flight(&host, A), 1);
    assert_eq!(host.metric_named("spillway.books.repaired_total"), Some(20));
    alive.end(kept, Outcome::Success, at_millis(11_000));
    alive.tick(at_millis(12_000));
    assert_eq!(in_flight(&host, A), 0);
}

#[test]
fn a_vm_that_was_only_slow_keeps_its_count() {
    let host = Fake::new();
    let (mut slow, mut other) = (vm(&host), vm(&host));
    let pool = slow.pool("inference").unwrap();
    other.pool("inference").unwrap();
    let first = begin(&mut slow, pool, A, at_millis(0)).unwrap();
    let second = begin(&mut slow, pool, A, at_millis(0)).unwrap();
    for second in 1..=8 {
        other.tick(at_millis(second * 1000));
    }
    assert_eq!(in_flight(&host, A), 0, "taken for gone");
    slow.end(first, Outcome::Success, at_millis(9_000));
    assert_eq!(in_flight(&host, A), 1, "put back, then one ended");
    slow.end(second, Outcome::Success, at_millis(9_000));
    assert_eq!(in_flight(&host, A), 0);
}

#[test]
fn membership_decides_who_may_be_chosen_and_expires() {
    let host = Fake::new();
    let mut vm = vm(&host);
    let pool = vm.pool("inference").unwrap();
    let members = [Member::serving(A), Member::serving(B)];
    vm.set_members(pool, &members, at_millis(0)).unwrap();
    assert_eq!(vm.view(pool).unwrap().snapshot().local(), [0, 1]);
    vm.set_members(pool, &members[..1], at_millis(1_000)).unwrap();
    assert_eq!(vm.view(pool).unwrap().snapshot().local(), [0]);
    vm.tick(at_millis(31_000));
    assert_eq!(vm.view(pool).unwrap().snapshot().local(), [0]);
    vm.tick(at_millis(32_500));
    assert!(vm.view(pool).unwrap().snapshot().is_empty(), "too old to be believed");
}

#[test]
fn a_failure_counts_as_slow_and_successes_bring_an_endpoint_back() {
    let host = Fake::new();
    let mut vm = vm(&host);
    let pool = vm.pool("inference").unwrap();
    vm.set_members(pool, &[Member::serving(A)], at_millis(0)).unwrap();
    let fails = begin(&mut vm, pool, A, at_millis(0)).unwrap();
    vm.end(fails, FAILED, at_millis(1));
    vm.tick(at_millis(2));
    let load = |vm: &Pools| {
        let view = vm.view(pool).unwrap();
        (view.snapshot().known(0).unwrap().mean_us, view.live(&*host, 0, Scope::of(None)).failure_permille)
    };
    assert_eq!(load(&vm), (Some(10_000_000), 300));
    for _ in 0..30 {
        let works = begin(&mut vm, pool, A, at_millis(0)).unwrap();
        vm.first_token(&works, at_millis(50));
        vm.end(works, Outcome::Success, at_millis(60));
    }
    vm.tick(at_millis(70));
    let (mean_us, failure_permille) = load(&vm);
    assert!(failure_permille < 10 && mean_us.unwrap() < 1_000_000, "{mean_us:?} {failure_permille}");
}

#[test]
fn endpoints_that_come_and_go_leave_a_bounded_number_of_metrics() {
    let host = Fake::new();
    let bounds = Bounds { max_endpoints: 8 };
    let settings = Settings { bounds, choice: Some(Choice::default()), ..Settings::default() };
    let mut vm = Pools::new(Rc::clone(&host) as Rc<dyn Host>, settings).unwrap();
    let pool = vm.pool("inference").unwrap();
    for round in 0..250u64 {
        let members: Vec<_> = (0..4).map(|n| Member::serving(format!("10.0.{round}.{n}:80"))).collect();
        let now = at_millis(round * 20_000);
        vm.set_members(pool, &members, now).unwrap();
        assert_eq!(vm.view(pool).unwrap().snapshot().len(), 4, "round {round}");
        let attempt = begin(&mut vm, pool, &members[0].address, now).unwrap();
        vm.end(attempt, FAILED, now);
    }
    let endpoints = host.metric_names().iter().filter(|name| name.contains(".endpoint.")).count();
    assert!(endpoints <= 16 * 11, "{endpoints} metrics of endpoints");
}

#[test]
fn an_endpoint_beyond_the_bound_is_counted_as_untracked() {
    let host = Fake::new();
    let settings = Settings { bounds: Bounds { max_endpoints: 1 }, ..Settings::default() };
    let mut vm = Pools::new(Rc::clone(&host) as Rc<dyn Host>, settings).unwrap();
    let pool = vm.pool("inference").unwrap();
    let kept = [A, B].map(|address| begin(&mut vm, pool, address, at_millis(0)).unwrap());
    assert!(begin(&mut vm, pool, "10.0.0.3:80", at_millis(0)).is_none());
    assert_eq!(host.metric_named("spillway.books.untracked_attempts_total"), Some(1));
    kept.into_iter().for_each(|attempt| vm.end(attempt, Outcome::Success, at_millis(0)));
}

#[test]
fn calls_to_the_host_do_not_grow_with_the_number_of_endpoints() {
    let used = |endpoints: u32| {
        let host = Fake::new();
        let mut vm = vm(&host);
        let pool = vm.pool("inference").unwrap();
        let members: Vec<_> =
            (0..endpoints).map(|n| Member::serving(format!("10.0.{}.{}:80", n / 250, n % 250))).collect();
        vm.set_members(pool, &members, at_millis(0)).unwrap();
        let warm = begin(&mut vm, pool, &members[0].address, at_millis(1)).unwrap();
        vm.end(warm, Outcome::Success, at_millis(1));
        host.take_calls();
        let attempt = begin(&mut vm, pool, &members[1].address, at_millis(2)).unwrap();
        vm.first_token(&attempt, at_millis(3));
        vm.end(attempt, Outcome::Success, at_millis(4));
        host.take_calls()
    };
    assert_eq!(used(2), used(1_000));
    assert!(used(2) <= 8, "{} calls", used(2));
}

#[derive(Clone, Debug)]
enum Step {
    Begin { vm: usize, endpoint: usize },
    End { vm: usize, failed: bool },
    Trap { vm: usize },
    Stall { millis: u64 },
    Tick { vm: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3usize, 0..3usize).prop_map(|(vm, endpoint)| Step::Begin { vm, endpoint }),
        5 => (0..3usize, any::<bool>()).prop_map(|(vm, failed)| Step::End { vm, failed }),
        1 => (0..3usize).prop_map(|vm| Step::Trap { vm }),
        2 => (0u64..7_000).prop_map(|millis| Step::Stall { millis }),
        4 => (0..3usize).prop_map(|vm| Step::Tick { vm }),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    /// Whatever traps and stalls: no gauge is ever below zero, and once leases had time to run out every gauge is
    /// what the living VMs have in flight.
    #[test]
    fn no_count_is_negative_and_none_is_lost(steps in steps()) {
        let host = Fake::new();
        let endpoints = [A, B, "10.0.0.3:80"];
        let mut vms: Vec<_> = (0..3).map(|_| (vm(&host), Vec::new())).collect();
        let mut millis = 0;
        let below_zero = || host.metric_names().iter().any(|name| {
            name.ends_with(".in_flight") && host.metric_named(name).unwrap() >= 1 << 63
        });
        for step in steps {
            match step {
                Step::Begin { vm, endpoint } => {
                    let (pools, attempts) = &mut vms[vm];
                    let pool = pools.pool("inference").unwrap();
                    attempts.extend(begin(pools, pool, endpoints[endpoint], at_millis(millis)).map(|a| (a, endpoint)));
                }
                Step::End { vm, failed } => {
                    let (pools, attempts) = &mut vms[vm];
                    if let Some((attempt, _)) = attempts.pop() {
                        let outcome = if failed { FAILED } else { Outcome::Success };
                        pools.end(attempt, outcome, at_millis(millis));
                    }
                }
                Step::Trap { vm: number } => vms[number] = (vm(&host), Vec::new()),
                Step::Stall { millis: longer } => millis += longer,
                Step::Tick { vm } => vms[vm].0.tick(at_millis(millis)),
            }
            prop_assert!(!below_zero());
        }
        for second in 1..=10 {
            vms.iter_mut().for_each(|(pools, _)| pools.tick(at_millis(millis + second * 1000)));
            prop_assert!(!below_zero());
        }
        for (number, endpoint) in endpoints.iter().enumerate() {
            let alive = vms.iter().flat_map(|(_, attempts)| attempts).filter(|(_, at)| *at == number).count();
            prop_assert_eq!(in_flight(&host, endpoint), alive as u64, "at {}", endpoint);
        }
        prop_assert_eq!(host.metric_named("spillway.books.below_zero_total"), Some(0));
    }
}

#[test]
fn a_gpu_that_is_not_reported_is_not_known_and_the_others_have_a_mean() {
    let host = Fake::new();
    let mut vm = vm(&host);
    let pool = vm.pool("inference").unwrap();
    vm.set_members(pool, &[Member::serving(A), Member::serving(B)], at_millis(0)).unwrap();
    let attempts = [A, B].map(|address| begin(&mut vm, pool, address, at_millis(0)).unwrap());
    let reported = |gpus: [Option<f64>; 2]| {
        for (attempt, gpu_utilization) in attempts.iter().zip(gpus) {
            let report = LoadReport { slots: Some(8.0), gpu_utilization, ..LoadReport::default() };
            vm.report(attempt, &report, at_millis(1));
        }
        let load = vm.view(pool).unwrap().reported_load(&*host, at_millis(2), Duration::from_secs(1));
        load.unwrap().gpu_permille
    };
    assert_eq!(reported([None, None]), None);
    assert_eq!(reported([Some(0.97), Some(0.5)]), Some(735));
    assert_eq!(reported([Some(0.97), None]), Some(970), "who does not say it does not count");
    assert_eq!(reported([Some(0.0), None]), Some(1), "one that idles is known");
    assert_eq!(reported([Some(97.0), None]), None, "per cent are no share");
    for attempt in attempts {
        vm.end(attempt, Outcome::Success, at_millis(3));
    }
}
