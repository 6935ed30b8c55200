//! The one of two random endpoints with fewer requests of this Envoy in flight: Envoy's `LEAST_REQUEST` for endpoints
//! of equal weight, after Mitzenmacher 2001.

use spillway_primitives::Rng;

use super::{Balancer, Request, distinct};
use crate::books::Books;

pub(super) struct LeastRequest {
    endpoints: u32,
}

impl LeastRequest {
    pub(super) const fn new(endpoints: u32) -> Self {
        Self { endpoints }
    }
}

impl Balancer for LeastRequest {
    fn choose(&mut self, _request: &Request, books: &Books, rng: &mut Rng) -> Vec<u32> {
        distinct(self.endpoints, || {
            let (first, second) = (rng.u32(0..self.endpoints), rng.u32(0..self.endpoints));
            if books.page(second).in_flight < books.page(first).in_flight { second } else { first }
        })
    }
}
