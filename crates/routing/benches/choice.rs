//! The choice alone: what picking among 10 and among 1,000 endpoints costs. The bar: at most three times.
//!
//! `cargo bench -p spillway-routing`
#![allow(missing_docs, clippy::indexing_slicing, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use spillway_primitives::rng_from;
use spillway_routing::choice::{MAX_CANDIDATES, order, sample};
use spillway_routing::score::{Load, Weights};

fn choice(c: &mut Criterion) {
    let mut group = c.benchmark_group("choice");
    for endpoints in [10u32, 100, 1_000] {
        let mut rng = rng_from(&[1]);
        let loads: Vec<Load> = (0..endpoints)
            .map(|_| Load {
                in_flight: rng.u64(0..20),
                mean_us: Some(rng.u64(50_000..500_000)),
                failure_permille: 0,
                weight: 1,
            })
            .collect();
        group.bench_function(BenchmarkId::from_parameter(endpoints), |b| {
            b.iter(|| {
                let candidates = sample(endpoints, 4, &mut rng);
                let mut chances = [0.0; MAX_CANDIDATES];
                for (chance, place) in chances.iter_mut().zip(candidates.as_slice()) {
                    let load = black_box(&loads)[*place as usize];
                    *chance = Weights::default().chance(load, Some(50_000), &mut rng);
                }
                order(candidates, &chances, &mut rng)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, choice);
criterion_main!(benches);
