//! What a run is given: the size of the world, its traffic and what goes wrong.

use std::time::Duration;

use spillway_breaker::TimeLimits;
use spillway_routing::decision::Policy;

use crate::draw::Zipf;
use crate::endpoint::Condition;
use crate::service::Service;

/// A world before it begins.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Seed of everything that is drawn. The same seed gives the same arrivals to every balancer.
    pub seed: u64,
    /// How many Envoys, each with its own books.
    pub envoys: u32,
    /// How many endpoints.
    pub endpoints: u32,
    /// Requests that run at one endpoint at the same time.
    pub slots: u32,
    /// Requests that wait there beyond these; more are refused with 429.
    pub queue: u32,
    /// Zones; Envoys and endpoints are dealt out to them in turn. At least 1.
    pub zones: u16,
    /// Speeds, dealt out to the endpoints in turn; 1 is usual. Not empty.
    pub speeds: Vec<f64>,
    /// Traffic as a share of what all endpoints can do.
    pub load: f64,
    /// How much more traffic the last Envoy has than the first: 1 is twice as much.
    pub skew: f64,
    /// Traffic that knows no balancer: it goes to every third endpoint, anybody of them. As a share of what these can
    /// do, and on top of `load`.
    pub bypass: f64,
    /// What a request takes.
    pub service: Service,
    /// Prefixes that requests share; `None` where there is nothing to gain from affinity.
    pub prefixes: Option<Prefixes>,
    /// How long a request waits at an endpoint that has not begun to serve it.
    pub patience: Duration,
    /// What Spillway is set to.
    pub policy: Policy,
    /// How long a load report is believed.
    pub report_lasts: Duration,
    /// What happens to endpoints.
    pub faults: Vec<Fault>,
    /// How long it runs before anything is measured.
    pub warm_up: Duration,
    /// How long it runs in all.
    pub lasts: Duration,
    /// The endpoint whose own requests in flight are noted every second.
    pub watched: u32,
}

/// Traffic that bypasses all Envoys goes to every one of so many endpoints.
pub const BYPASSED: u32 = 3;

impl Default for Setting {
    fn default() -> Self {
        Self {
            seed: 1,
            envoys: 8,
            endpoints: 200,
            slots: 8,
            queue: 32,
            zones: 1,
            speeds: vec![1.0],
            load: 0.7,
            skew: 1.0,
            bypass: 0.0,
            service: Service::default(),
            prefixes: None,
            patience: TimeLimits::default().first_token,
            policy: Policy::default(),
            report_lasts: Duration::from_secs(5),
            faults: Vec::new(),
            warm_up: Duration::from_secs(10),
            lasts: Duration::from_secs(60),
            watched: 0,
        }
    }
}

impl Setting {
    /// The speed of an endpoint.
    #[must_use]
    pub fn speed(&self, place: u32) -> f64 {
        self.speeds[place as usize % self.speeds.len()]
    }

    /// The zone of an Envoy or an endpoint.
    #[must_use]
    pub fn zone(&self, number: u32) -> u16 {
        (number % u32::from(self.zones.max(1))) as u16
    }

    /// Requests per second that arrive at an Envoy.
    #[must_use]
    pub fn rate(&self, envoy: u32) -> f64 {
        let all = self.load * self.capacity(1);
        let others = f64::from(self.envoys.saturating_sub(1).max(1));
        let weight = |envoy: u32| 1.0 + self.skew * f64::from(envoy) / others;
        all * weight(envoy) / (0..self.envoys).map(weight).sum::<f64>()
    }

    /// Requests per second that bypass all Envoys.
    #[must_use]
    pub fn bypass_rate(&self) -> f64 {
        self.bypass * self.capacity(BYPASSED as usize)
    }

    /// Requests per second that every n-th endpoint can do, from the first on.
    fn capacity(&self, every: usize) -> f64 {
        let speeds = (0..self.endpoints).step_by(every).map(|place| self.speed(place));
        f64::from(self.slots) * speeds.sum::<f64>() / self.service.mean().as_secs_f64()
    }
}

/// Prefixes that requests share.
#[derive(Clone, Debug)]
pub struct Prefixes {
    /// Which are frequent.
    pub law: Zipf,
    /// How many an endpoint remembers, the most recent ones.
    pub remembered: usize,
    /// What is left of the time to the first token when it does.
    pub hit_costs: f64,
}

/// Something happens to an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// When, from the beginning.
    pub at: Duration,
    /// To whom.
    pub place: u32,
    /// How it is from then on.
    pub becomes: Condition,
}
