use super::*;
use std::time::Duration;

#[test]
fn explore() {
    for (workers, slots) in [(3, 8), (4, 32)] {
        for millis in [100, 500, 2000, 5000] {
            for load in [1.2, 2.0, 3.0, 6.0] {
                let plan = Plan {
                    workers: vec![(0, workers)],
                    slots,
                    generation: Duration::from_millis(millis),
                    load: vec![(0, load)],
                    seconds: 60,
                    ..Plan::default()
                };
                let out = run(&plan, Kind::Spillway);
                let (low, high) = out.limits(10..60).fold((f64::MAX, 0f64), |(l, h), x| (l.min(x), h.max(x)));
                let s = f64::from(plan.slots_at(0));
                println!(
                    "S={s} gen={millis} load={load}: limit {:.2}..{:.2} of S; good {:.1} of C={:.1} ({:.2}); shares {:.2} {:.2} {:.2}; crit p99 {:?}; changes {:.1}; {:?}",
                    low / s,
                    high / s,
                    out.goodput(),
                    plan.capacity_at(0),
                    out.goodput() / plan.capacity_at(0),
                    out.share(0),
                    out.share(1),
                    out.share(2),
                    out.first_token(0, 0.99),
                    out.changes_a_minute(10),
                    out.refused
                );
            }
        }
    }
}

fn show(name: &str, plan: &Plan, kind: Kind, from: usize) {
    let out = run(plan, kind);
    let s = f64::from(plan.slots_at(plan.seconds - 1));
    let (low, high) =
        out.limits(from..plan.seconds as usize).fold((f64::MAX, 0f64), |(l, h), x| (l.min(x), h.max(x)));
    println!(
        "{name} {}: S={s} gen={:?} limit {:.2}..{:.2} of S; good {:.2} of C; shares {:.2} {:.2} {:.2}; crit p50 {:?} p99 {:?}; changes {:.1}; {:?}",
        kind.as_str(),
        plan.generation,
        low / s,
        high / s,
        out.goodput() / plan.capacity_at(0),
        out.share(0),
        out.share(1),
        out.share(2),
        out.first_token(0, 0.5),
        out.first_token(0, 0.99),
        out.changes_a_minute(plan.warm_up),
        out.refused
    );
}

#[test]
fn explore2() {
    for millis in [100, 500, 2000, 5000] {
        for slots in [8, 32] {
            let base = Plan {
                slots,
                generation: Duration::from_millis(millis),
                load: vec![(0, 2.0)],
                ..Plan::default()
            };
            show("3->2", &Plan { workers: vec![(0, 3), (30, 2)], ..base.clone() }, Kind::Spillway, 40);
            show("2->4", &Plan { workers: vec![(0, 2), (30, 4)], ..base.clone() }, Kind::Spillway, 40);
            show("reports", &Plan { reports: true, ..base.clone() }, Kind::Spillway, 10);
            show("2 envoys", &Plan { envoys: 2, ..base.clone() }, Kind::Spillway, 10);
            show("2 envoys, reports", &Plan { envoys: 2, reports: true, ..base.clone() }, Kind::Spillway, 10);
            show("poisson", &Plan { constant: false, ..base.clone() }, Kind::Spillway, 10);
            show("half stream", &Plan { streamed: 50, ..base.clone() }, Kind::Spillway, 10);
            show("no stream", &Plan { streamed: 0, ..base.clone() }, Kind::Spillway, 10);
            show("astray", &Plan { astray: 20, ..base.clone() }, Kind::Spillway, 10);
            show("only standard", &Plan { mix: [0, 100, 0], ..base.clone() }, Kind::Spillway, 10);
            show("10 min", &Plan { seconds: 900, ..base.clone() }, Kind::Spillway, 10);
        }
    }
}

#[test]
fn explore3() {
    for millis in [500, 2000] {
        for load in [0.3, 1.0, 1.2, 3.0, 6.0] {
            for kind in Kind::ALL {
                let plan = Plan {
                    generation: Duration::from_millis(millis),
                    load: vec![(0, load)],
                    ..Plan::default()
                };
                show(&format!("load {load}"), &plan, kind, 10);
            }
        }
    }
    for millis in [500, 2000] {
        for slots in [8, 32] {
            for seed in 1..=3 {
                let plan = Plan {
                    seed,
                    slots,
                    generation: Duration::from_millis(millis),
                    load: vec![(0, 0.5), (30, 2.0), (40, 0.5)],
                    obedient: true,
                    seconds: 90,
                    constant: false,
                    ..Plan::default()
                };
                let out = run(&plan, Kind::Spillway);
                let c = plan.capacity_at(0);
                let line: Vec<String> =
                    out.seconds.iter().map(|s| format!("{:.1}", f64::from(s.arrived) / c)).collect();
                println!(
                    "burst {millis} {slots}: returned {:?} = {:.2}; normal since {:?}; {:?} refused {:?}",
                    out.returned,
                    f64::from(out.returned.1) / f64::from(out.returned.0.max(1)),
                    out.normal_since,
                    out.changes,
                    out.refused
                );
                println!("   {}", line.join(" "));
            }
        }
    }
    let plan = Plan {
        load: vec![(0, 0.5), (20, 2.0)],
        obedient: true,
        seconds: 200,
        constant: false,
        ..Plan::default()
    };
    let out = run(&plan, Kind::Spillway);
    let c = plan.capacity_at(0);
    println!(
        "sustained: good {:.2} returned {:?}",
        f64::from(out.seconds[30..].iter().map(|s| s.good).sum::<u32>()) / 170.0 / c,
        out.returned
    );
    println!(
        "   {}",
        out.seconds.iter().map(|s| format!("{:.1}", f64::from(s.arrived) / c)).collect::<Vec<_>>().join(" ")
    );
}
