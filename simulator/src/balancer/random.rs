//! Anybody, each time; or anybody of every n-th.

use spillway_primitives::Rng;

use super::{Balancer, Request, distinct};
use crate::books::Books;

pub(super) struct Random {
    endpoints: u32,
    every: u32,
}

impl Random {
    pub(super) const fn new(endpoints: u32, every: u32) -> Self {
        Self { endpoints: endpoints.div_ceil(every), every }
    }
}

impl Balancer for Random {
    fn choose(&mut self, _request: &Request, _books: &Books, rng: &mut Rng) -> Vec<u32> {
        distinct(self.endpoints, || rng.u32(0..self.endpoints) * self.every)
    }
}
