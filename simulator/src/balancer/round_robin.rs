//! In turn. Each Envoy begins somewhere else, as Envoy does.

use spillway_primitives::Rng;

use super::{ATTEMPTS, Balancer, Request};
use crate::books::Books;

pub(super) struct RoundRobin {
    endpoints: u32,
    next: u32,
}

impl RoundRobin {
    pub(super) fn new(endpoints: u32, rng: &mut Rng) -> Self {
        Self { endpoints, next: rng.u32(0..endpoints) }
    }
}

impl Balancer for RoundRobin {
    fn choose(&mut self, _request: &Request, _books: &Books, _rng: &mut Rng) -> Vec<u32> {
        let first = self.next;
        self.next = (first + 1) % self.endpoints;
        (0..self.endpoints.min(ATTEMPTS as u32)).map(|step| (first + step) % self.endpoints).collect()
    }
}
