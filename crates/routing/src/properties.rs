//! What score and choice bring about together, in virtual time: requests arrive, take as long as their endpoint is
//! slow, and leave. No clock, no threads; the same run on every machine.

use std::collections::BinaryHeap;

use proptest::prelude::*;
use spillway_primitives::{Ewma, Rng, rng_from};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::choice::{order, sample};
use crate::score::{Load, Weights};

/// An endpoint: how long a request takes there, and whether it fails at once instead.
#[derive(Clone, Copy, Debug)]
struct Endpoint {
    micros: u64,
    fails: bool,
}

/// The books of one endpoint, as the gauges hold them.
#[derive(Clone, Copy, Debug, Default)]
struct Books {
    in_flight: u64,
    mean_us: Option<u64>,
    failure_permille: u64,
    requests: u64,
    most_in_flight: u64,
}

struct World {
    endpoints: Vec<Endpoint>,
    books: Vec<Books>,
    /// What the Envoy workers see: the books, or a copy of them that is some time old.
    seen: Vec<Books>,
    leaving: BinaryHeap<std::cmp::Reverse<(u64, usize)>>,
    rng: Rng,
}

const CANDIDATES: usize = 4;

impl World {
    fn new(endpoints: Vec<Endpoint>, seed: u64) -> Self {
        let books = vec![Books::default(); endpoints.len()];
        Self { seen: books.clone(), books, endpoints, leaving: BinaryHeap::new(), rng: rng_from(&[seed]) }
    }

    fn choose(&mut self) -> usize {
        let fastest = self.seen.iter().filter_map(|books| books.mean_us).min();
        let candidates = sample(self.seen.len() as u32, CANDIDATES, &mut self.rng);
        let mut chances = Vec::new();
        for place in candidates.as_slice() {
            let books = self.seen[*place as usize];
            let load = Load {
                in_flight: books.in_flight as f64,
                total: books.in_flight as f64,
                mean_us: books.mean_us,
                failure_permille: books.failure_permille,
                ..Load::default()
            };
            chances.push(Weights::default().chance(load, fastest, &mut self.rng));
        }
        order(candidates, &chances, &mut self.rng).as_slice()[0] as usize
    }

    /// Runs `requests` arrivals, `gap` microseconds apart; the books are seen anew every `look` microseconds.
    fn run(&mut self, requests: u64, gap: u64, look: u64) {
        let (mut now, mut looked) = (0, 0);
        for _ in 0..requests {
            now += gap;
            while let Some(std::cmp::Reverse((at, endpoint))) = self.leaving.peek().copied()
                && at <= now
            {
                self.leaving.pop();
                self.leave(endpoint);
            }
            if now >= looked + look {
                self.seen.clone_from(&self.books);
                looked = now;
            }
            let endpoint = self.choose();
            let took = if self.endpoints[endpoint].fails { 1 } else { self.endpoints[endpoint].micros };
            let books = &mut self.books[endpoint];
            books.requests += 1;
            books.in_flight += 1;
            books.most_in_flight = books.most_in_flight.max(books.in_flight);
            self.leaving.push(std::cmp::Reverse((now + took, endpoint)));
        }
    }

    fn leave(&mut self, endpoint: usize) {
        let Endpoint { micros, fails } = self.endpoints[endpoint];
        let books = &mut self.books[endpoint];
        books.in_flight -= 1;
        let sample = if fails { 10_000_000 } else { micros };
        books.mean_us = Some(Ewma::new(100).next(books.mean_us, sample));
        books.failure_permille =
            Ewma::new(300).next(Some(books.failure_permille), if fails { 1000 } else { 0 });
    }

    fn share(&self, endpoint: usize) -> f64 {
        let all: u64 = self.books.iter().map(|books| books.requests).sum();
        self.books[endpoint].requests as f64 / all as f64
    }
}

const fn healthy(micros: u64) -> Endpoint {
    Endpoint { micros, fails: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The bar: with every endpoint above 20 in flight, twice as fast gets 1.7 to 2.3 times the requests.
    #[test]
    fn twice_as_fast_gets_about_twice_the_requests(seed: u64, pairs in 1usize..3) {
        let endpoints = [healthy(100_000), healthy(50_000)].repeat(pairs);
        let mut world = World::new(endpoints, seed);
        // 50 in flight per endpoint on average.
        world.run(20_000, 70_000 / (100 * pairs as u64), 0);
        prop_assert!(world.books.iter().all(|books| books.in_flight > 20), "{:?}", world.books);
        let (slow, fast): (u64, u64) = world.books.chunks(2)
            .fold((0, 0), |(slow, fast), pair| (slow + pair[0].requests, fast + pair[1].requests));
        let ratio = fast as f64 / slow as f64;
        prop_assert!((1.7..=2.3).contains(&ratio), "{ratio}");
    }

    /// A node that fails at once is always idle. It must get less than the healthy ones, not more.
    #[test]
    fn a_node_that_fails_at_once_attracts_nothing(seed: u64, in_flight in 1u64..30) {
        let mut endpoints = vec![healthy(100_000); 4];
        endpoints[2].fails = true;
        let mut world = World::new(endpoints, seed);
        world.run(6_000, 100_000 / (4 * in_flight), 0);
        prop_assert!(world.share(2) < 0.05, "{}", world.share(2));
    }

    /// Many Envoy workers that all look at the same old numbers do not all run to one endpoint.
    #[test]
    fn old_numbers_do_not_make_a_herd(seed: u64) {
        let mut world = World::new(vec![healthy(100_000); 10], seed);
        // 20 in flight each; between two looks 50 requests arrive.
        world.run(20_000, 500, 25_000);
        for books in &world.books {
            prop_assert!(books.most_in_flight < 50, "{:?}", world.books);
            prop_assert!((1_600..=2_400).contains(&books.requests), "{:?}", world.books);
        }
    }
}
