//! One Envoy of a world.

use spillway_primitives::{Rng, rng_from};

use crate::balancer::{Balancer, Kind};
use crate::books::Books;
use crate::setting::Setting;

pub(super) struct Envoy {
    pub(super) balancer: Box<dyn Balancer>,
    pub(super) books: Books,
    /// Requests per second.
    pub(super) rate: f64,
    /// What its clients draw: the same whatever the balancer draws.
    pub(super) traffic: Rng,
    pub(super) rng: Rng,
}

impl Envoy {
    pub(super) fn new(setting: &Setting, kind: Kind, number: u32) -> Self {
        let mut rng = rng_from(&[setting.seed, u64::from(number), 1]);
        Self {
            balancer: kind.build(setting, number, &mut rng),
            books: Books::new(setting.endpoints),
            rate: if kind == Kind::Bypass { setting.bypass_rate() } else { setting.rate(number) },
            traffic: rng_from(&[setting.seed, u64::from(number), 2]),
            rng,
        }
    }
}
