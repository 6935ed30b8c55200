//! What must be true of every world, and what Spillway must bring about in one.

use std::time::Duration;

use spillway_simulator::balancer::Kind;
use spillway_simulator::endpoint::Condition;
use spillway_simulator::measure::Outcome;
use spillway_simulator::report;
use spillway_simulator::scenario::{NAMES, Scenario, Size};
use spillway_simulator::service::{Service, Shape};
use spillway_simulator::setting::{Fault, Setting};
use spillway_simulator::world::World;

const SPILLWAYS: [Kind; 2] = [Kind::Spillway, Kind::WithoutReports];

fn run(setting: &Setting, kind: Kind) -> Outcome {
    World::new(setting, kind).run(|| {})
}

/// Some endpoints of which each breaks in another way, twice.
fn bad() -> Setting {
    let conditions = [Condition::Refuses, Condition::Unavailable, Condition::Stalls];
    let mut setting = Setting { endpoints: 40, envoys: 4, zones: 2, ..Setting::default() };
    setting.patience = Duration::from_secs(5);
    for (place, becomes) in (0..).zip(conditions) {
        for second in [15, 40] {
            let at = Duration::from_secs(second);
            setting.faults.push(Fault { at, place, becomes });
            setting.faults.push(Fault { at: at + Duration::from_secs(15), place, becomes: Condition::Well });
        }
    }
    setting
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let setting = bad();
    for kind in Kind::COMPARED {
        assert_eq!(run(&setting, kind), run(&setting, kind), "{kind:?}");
    }
    let other = Setting { seed: 2, ..bad() };
    assert_ne!(run(&setting, Kind::Spillway), run(&other, Kind::Spillway));
}

#[test]
fn every_request_is_completed_or_failed_or_still_under_way() {
    let outcomes = Kind::COMPARED.map(|kind| (kind, run(&bad(), kind)));
    for (kind, outcome) in &outcomes {
        let Outcome { arrived, completed, failed, in_flight, .. } = outcome;
        assert_eq!(*arrived, completed + failed + in_flight, "{kind:?}");
        assert!(*completed > arrived * 9 / 10 && *in_flight < 600, "{kind:?}: {completed}, {in_flight}");
        assert_eq!(*arrived, outcomes[0].1.arrived, "{kind:?} had other arrivals");
    }
}

/// M/M/1: with a load of ρ there are ρ / (1 − ρ) requests in the system, and P(wait) is ρ.
#[track_caller]
fn one_server(load: f64, expected: f64) {
    let setting = Setting {
        envoys: 2,
        endpoints: 1,
        slots: 1,
        queue: 10_000,
        load,
        service: Service {
            prefill: Duration::ZERO,
            decode: Duration::from_millis(100),
            shape: Shape::Exponential,
        },
        patience: Duration::from_secs(1_000),
        lasts: Duration::from_secs(10_000),
        ..Setting::default()
    };
    let outcome = run(&setting, Kind::Random);
    let mean = outcome.whole.mean;
    assert!((mean / expected - 1.0).abs() < 0.1, "{mean} in the system, expected {expected}");
    let waited = outcome.first_tokens_us.iter().filter(|micros| **micros > 0).count();
    let share = waited as f64 / outcome.first_tokens_us.len() as f64;
    assert!((share - load).abs() < 0.03, "{share} waited, expected {load}");
}

#[test]
fn one_server_is_as_busy_as_in_the_textbook() {
    one_server(0.5, 1.0);
    one_server(0.7, 0.7 / 0.3);
}

/// The bar at a smaller scale: over a run nobody has more than 1.5 times the mean.
#[test]
fn many_envoys_do_not_make_a_herd() {
    for seed in 1..=3 {
        let setting = Setting { seed, lasts: Duration::from_secs(70), ..Setting::default() };
        for kind in SPILLWAYS {
            let most = run(&setting, kind).whole.max_over_mean;
            assert!(most <= 1.5, "{kind:?}: {most}");
        }
    }
}

/// One of forty endpoints breaks; each Envoy may send it so many attempts at most, and has to find out by itself.
#[track_caller]
fn gets_few(becomes: Condition, most_per_envoy: u64) {
    let fault = Fault { at: Duration::from_secs(15), place: 7, becomes };
    let setting = Setting { endpoints: 40, faults: vec![fault], ..Setting::default() };
    let blind = run(&setting, Kind::RoundRobin).to_broken;
    for kind in SPILLWAYS {
        let outcome = run(&setting, kind);
        let Outcome { to_broken, .. } = outcome;
        assert!(
            to_broken <= most_per_envoy * u64::from(setting.envoys),
            "{becomes:?}, {kind:?}: {to_broken}"
        );
        assert!(to_broken < blind, "{becomes:?}, {kind:?}: {to_broken}, round robin {blind}");
        let failed = outcome.failed_share(16..60, true);
        assert!(failed < 1e-3, "{becomes:?}, {kind:?}: {failed} failed");
    }
}

#[test]
fn a_broken_endpoint_gets_few_requests() {
    // Three failures in a row and two probes.
    gets_few(Condition::Refuses, 5);
    gets_few(Condition::Unavailable, 5);
    // Until the limit of the time to first token only the requests in flight there tell.
    gets_few(Condition::Stalls, 10);
}

#[test]
fn every_scenario_has_a_table_and_a_picture() {
    let lasts = Some(Duration::from_secs(12));
    let size = Size { endpoints: Some(6), envoys: Some(2), lasts, ..Size::default() };
    for name in NAMES {
        let scenario = Scenario::named(name, &size).unwrap();
        let mut done = 0;
        let rows = scenario.run(|_, more| done += more);
        assert!(done > 0, "{name} told no progress");
        let table = report::render(&scenario, &rows);
        assert_eq!(table.lines().filter(|line| line.starts_with('|')).count(), rows.len() + 2, "{table}");
        assert_eq!(table, report::render(&scenario, &scenario.run(|_, _| {})), "not the same twice");
        let picture = report::draw(&scenario, &rows).unwrap();
        assert!(picture.starts_with("<svg") && picture.contains("spillway"), "{picture}");
    }
    assert!(Scenario::named("no such", &size).is_none());
}
