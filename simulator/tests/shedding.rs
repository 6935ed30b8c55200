//! The bars that load shedding is held to, in virtual time.

use std::ops::RangeInclusive;
use std::time::Duration;

use spillway_simulator::shedding::{Findings, Kind, Outcome, Plan, Returns, Study, draw, render, run};

const OVERLOADS: [f64; 4] = [1.2, 2.0, 3.0, 6.0];

fn plan(slots: u32, millis: u64, load: f64) -> Plan {
    let generation = Duration::from_millis(millis);
    // Pools that serve thousands a second have enough of them in half the time.
    let seconds = if slots > 8 && millis < 500 { 30 } else { 60 };
    Plan { slots, generation, load: vec![(0, load)], seconds, ..Plan::default() }
}

fn spillway(plan: &Plan) -> Outcome {
    run(plan, Kind::Spillway)
}

/// The limit's means over ten seconds, once the warm-up is over, as a share of the slots at the end.
#[track_caller]
fn limit_is_within(plan: &Plan, expected: &RangeInclusive<f64>) {
    let slots = f64::from(plan.slots_at(plan.seconds - 1));
    let outcome = spillway(plan);
    for (second, limit) in (plan.warm_up..).zip(outcome.limits(plan.warm_up as usize..plan.seconds as usize))
    {
        let share = limit / slots;
        assert!(expected.contains(&share), "{share:.3} of {slots} slots from {second} s on: {plan:?}");
    }
}

const WITHIN_15_PERCENT: RangeInclusive<f64> = 0.85..=1.15;
const WITHIN_10_PERCENT: RangeInclusive<f64> = 0.9..=1.1;

#[test]
fn the_limit_finds_the_slots() {
    for slots in [8, 32] {
        for millis in [100, 500, 2_000, 5_000] {
            for load in OVERLOADS {
                // Of few slots those that are kept free for important requests are many, and few wait from whom a limit
                // that is too high could be seen.
                let within = if slots > 8 { WITHIN_15_PERCENT } else { 0.85..=1.2 };
                limit_is_within(&plan(slots, millis, load), &within);
            }
        }
    }
}

#[test]
fn the_limit_follows_workers_that_come_and_go() {
    for slots in [8, 32] {
        for millis in [100, 500, 2_000, 5_000] {
            for (before, after) in [(3, 2), (2, 4)] {
                let workers = vec![(0, before), (20, after)];
                let plan = Plan { workers, warm_up: 30, seconds: 60, ..plan(slots, millis, 2.0) };
                limit_is_within(&plan, &WITHIN_15_PERCENT);
            }
        }
    }
}

#[test]
fn reports_make_it_closer() {
    for slots in [8, 32] {
        for millis in [500, 2_000, 5_000] {
            for load in OVERLOADS {
                limit_is_within(&Plan { reports: true, ..plan(slots, millis, load) }, &WITHIN_10_PERCENT);
            }
        }
    }
}

#[test]
fn two_envoys_share_a_pool() {
    for slots in [8, 32] {
        for millis in [500, 2_000, 5_000] {
            for (load, reports) in [(2.0, false), (2.0, true), (6.0, false)] {
                let plan = Plan { envoys: 2, reports, ..plan(slots, millis, load) };
                limit_is_within(&plan, &(0.75..=1.25));
            }
        }
    }
}

/// Each of two Envoys with half of the load, and where one of them had all of it before.
#[test]
fn critical_requests_of_two_envoys_hardly_notice_either() {
    for slots in [16, 32] {
        let plan = |load| Plan { envoys: 2, reports: true, slots, load: vec![(0, load)], ..Plan::default() };
        let unloaded = spillway(&Plan { seconds: 300, ..plan(0.2) }).first_token(0, 0.99);
        for alone_until in [0, 60] {
            let plan = Plan { alone_until, warm_up: 90, seconds: 210, ..plan(3.0) };
            let outcome = spillway(&plan);
            let p99 = outcome.first_token(0, 0.99);
            assert!(
                p99 <= unloaded.mul_f64(1.5 * 1.1),
                "{p99:?}, unloaded {unloaded:?}: {slots} slots, {alone_until}"
            );
            assert!(outcome.share(0) > 0.99, "{} in time", outcome.share(0));
            let goodput = outcome.goodput() / plan.capacity_at(0);
            assert!(goodput >= 0.95 / 1.1, "{goodput}: {slots} slots, {alone_until}");
        }
    }
}

#[test]
fn what_else_differs_from_pool_to_pool() {
    for millis in [500, 2_000] {
        let plan = plan(8, millis, 2.0);
        limit_is_within(&Plan { streamed: 50, ..plan.clone() }, &WITHIN_15_PERCENT);
        limit_is_within(&Plan { constant: false, ..plan.clone() }, &WITHIN_15_PERCENT);
        limit_is_within(&Plan { astray: 20, ..plan.clone() }, &WITHIN_15_PERCENT);
        limit_is_within(&Plan { mix: [0, 100, 0], ..plan.clone() }, &WITHIN_15_PERCENT);
        limit_is_within(&Plan { mix: [100, 0, 0], ..plan }, &WITHIN_15_PERCENT);
    }
}

/// Epochs turn, and the baseline is measured anew.
#[test]
fn twenty_minutes_of_overload_change_nothing() {
    for millis in [500, 2_000] {
        let plan = Plan { seconds: 1_200, ..plan(8, millis, 2.0) };
        limit_is_within(&plan, &WITHIN_15_PERCENT);
    }
}

#[test]
fn nothing_is_lost_by_overload() {
    for (slots, millis) in [(8, 500), (32, 500), (32, 2_000)] {
        let plan = |load| Plan { seconds: if slots > 8 { 60 } else { 150 }, ..plan(slots, millis, load) };
        // Of few slots those that are kept free for important requests are a larger share.
        let least = if slots > 8 { 0.95 } else { 0.94 };
        let best = Kind::ALL.map(|kind| run(&plan(1.0), kind).goodput()).into_iter().fold(0.0, f64::max);
        for load in [1.0, 1.2, 2.0, 3.0, 6.0] {
            let goodput = spillway(&plan(load)).goodput();
            assert!(
                goodput >= least * best,
                "{goodput:.1} of {best:.1} at {load}, {slots} slots, {millis} ms"
            );
        }
    }
}

#[test]
fn critical_requests_hardly_notice() {
    for (slots, millis) in [(8, 100), (8, 500), (32, 500), (32, 2_000)] {
        // Long enough for a hundredth of those that are critical to be some.
        let unloaded = spillway(&Plan { seconds: 300, ..plan(slots, millis, 0.3) }).first_token(0, 0.99);
        for load in [1.0, 2.0, 3.0] {
            let outcome = spillway(&Plan { seconds: 120, ..plan(slots, millis, load) });
            let p99 = outcome.first_token(0, 0.99);
            assert!(
                p99 <= unloaded * 3 / 2,
                "{p99:?}, unloaded {unloaded:?}: {slots} slots, {millis} ms, {load}"
            );
            assert!(outcome.share(0) > 0.99, "{} in time", outcome.share(0));
            assert!(outcome.share(1) >= outcome.share(2));
        }
    }
}

#[test]
fn the_ladder_changes_seldom_at_a_constant_load() {
    for (slots, millis) in [(8, 500), (8, 2_000), (32, 2_000)] {
        for load in OVERLOADS {
            let plan = Plan { seconds: 190, ..plan(slots, millis, load) };
            let changes = spillway(&plan).changes_a_minute(plan.warm_up);
            assert!(changes < 3.0, "{changes} a minute at {load}, {slots} slots, {millis} ms");
        }
    }
}

#[test]
fn the_ladder_is_left_within_five_seconds() {
    let plan = Plan { load: vec![(0, 6.0), (20, 0.5)], seconds: 40, ..plan(32, 100, 6.0) };
    let outcome = spillway(&plan);
    assert!(!outcome.changes.is_empty(), "no step was taken");
    let normal = outcome.normal_since.expect("it is back to normal");
    assert!(normal <= Duration::from_secs(25), "{normal:?}");
    assert!(normal >= Duration::from_secs(20), "{normal:?}");
}

fn burst(seed: u64, slots: u32) -> Plan {
    Plan {
        seed,
        slots,
        load: vec![(0, 0.5), (30, 2.0), (40, 0.5)],
        returns: Returns::AsPromised,
        seconds: 90,
        ..Plan::default()
    }
}

#[test]
fn who_comes_back_as_told_is_served() {
    for slots in [8, 32] {
        for seed in 1..=3 {
            for constant in [true, false] {
                let plan = Plan { constant, ..burst(seed, slots) };
                let outcome = spillway(&plan);
                let (returned, served) = (outcome.returned.0, outcome.second_tries());
                assert!(returned > 300 && served >= 0.9, "{served} of {returned}: {plan:?}");
                let most = f64::from(outcome.most_arrived(40..70)) / plan.capacity_at(0);
                assert!(most <= 1.5, "{most} x C came in a second of the recovery: {plan:?}");
            }
        }
    }
}

#[test]
fn an_overload_that_lasts_sends_clients_away_for_longer() {
    let plan = Plan { load: vec![(0, 0.5), (30, 2.0)], seconds: 150, ..burst(1, 8) };
    let outcome = spillway(&plan);
    let promised = [32, 50, 100].map(|second| outcome.seconds[second].promised.as_secs());
    assert!(promised[0] < promised[1] && promised[1] < promised[2] && promised[2] <= 120, "{promised:?}");
    let good: u32 = outcome.seconds[40..150].iter().map(|second| second.good).sum();
    assert!(f64::from(good) / 110.0 >= 0.93 * plan.capacity_at(0), "{good} in 110 s");
}

/// Gates that know no levels, or no limit, as a check that the world can tell.
#[test]
fn others_do_worse() {
    let plan = plan(8, 500, 3.0);
    let [spillway, gradient, fixed, unlimited] = Kind::ALL.map(|kind| run(&plan, kind));
    assert!(spillway.share(0) > 2.0 * gradient.share(0).max(fixed.share(0)));
    assert!(unlimited.goodput() < 0.1 * spillway.goodput());
}

#[test]
fn the_same_seed_gives_the_same_tables() {
    let small = |seed| Study::new(seed).first(4).run(|_, _| {});
    let findings: Findings = small(1);
    assert_eq!(findings, small(1));
    assert_ne!(findings, small(2));
    let table = render(&findings);
    assert!(table.contains("| spillway") && table.contains("## Bursts"), "{table}");
    assert!(draw(&findings).unwrap().starts_with("<svg"));
}
