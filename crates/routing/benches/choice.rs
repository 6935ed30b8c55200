//! The choice alone: what picking among 10 and among 1,000 endpoints costs. The bar: at most three times.
//!
//! `cargo bench -p spillway-routing`
#![allow(missing_docs, clippy::indexing_slicing, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use spillway_primitives::{Timestamp, rng_from};
use spillway_routing::decision::{Live, Policy, decide};
use spillway_routing::known::{Known, Report};
use spillway_routing::snapshot::{Eligible, Snapshot};

/// A pool in three zones, busy, every endpoint with a report.
fn pool(endpoints: u32, now: Timestamp) -> (Snapshot, Vec<Live>) {
    let mut rng = rng_from(&[1]);
    let lives: Vec<Live> =
        (0..endpoints).map(|_| Live { in_flight: rng.u64(0..9), ..Live::default() }).collect();
    let eligible = (0..endpoints).zip(&lives).map(|(place, live)| {
        let zone = u16::try_from(place % 3).unwrap_or(0);
        let report = Report { at: now, slots: 8, elsewhere: 0, kv_cache_permille: 100 };
        let known = Known {
            key: rng.u64(..),
            zone,
            is_local: zone == 0,
            mean_us: Some(rng.u64(50_000..500_000)),
            report: Some(report),
            ..Known::default()
        };
        Eligible { place, known, in_flight: live.in_flight }
    });
    let mut snapshot = Snapshot::default();
    snapshot.look(eligible, now, Duration::from_secs(5), true);
    (snapshot, lives)
}

fn choice(c: &mut Criterion) {
    let now = Timestamp::from_millis(1_000_000);
    for (name, affinity) in [("choice", false), ("choice_with_affinity", true)] {
        let mut group = c.benchmark_group(name);
        for endpoints in [10u32, 100, 1_000] {
            let (snapshot, lives) = pool(endpoints, now);
            let mut rng = rng_from(&[1]);
            group.bench_function(BenchmarkId::from_parameter(endpoints), |b| {
                b.iter(|| {
                    let hash = affinity.then(|| rng.u64(..));
                    let live = |place| black_box(&lives)[place as usize];
                    decide(&snapshot, &Policy::default(), hash, now, &mut rng, live)
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, choice);
criterion_main!(benches);
