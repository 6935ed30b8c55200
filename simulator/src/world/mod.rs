//! A world: endpoints, Envoys, and what happens next.
//!
//! Time passes from event to event. The network takes no time, save that a failure or a refusal is told after a
//! millisecond, and that a retry waits as Envoy's does.

mod attempt;
mod envoy;
mod event;

use std::time::Duration;

use slab::Slab;
use spillway_primitives::{Rng, Timestamp, rng_from};

use crate::balancer::Kind;
use crate::draw::exponential;
use crate::endpoint::Endpoint;
use crate::events::Events;
use crate::measure::{Measures, Outcome};
use crate::setting::Setting;
use envoy::Envoy;
use event::{Event, Request};

/// When a world begins: no special time.
const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const LOOKS_APART: Duration = Duration::from_secs(1);
const SAMPLES_APART: Duration = Duration::from_millis(100);

/// A world that runs once.
pub struct World<'a> {
    setting: &'a Setting,
    now: Timestamp,
    events: Events<Event>,
    endpoints: Vec<Endpoint>,
    envoys: Vec<Envoy>,
    requests: Slab<Request>,
    measures: Measures,
    /// Attempts so far.
    serial: u64,
    /// Waits before retries.
    rng: Rng,
}

impl<'a> World<'a> {
    /// A world at its beginning, with the same kind of balancer in every Envoy.
    #[must_use]
    pub fn new(setting: &'a Setting, kind: Kind) -> Self {
        let now = BEGINNING;
        let endpoints: Vec<_> =
            (0..setting.endpoints).map(|_| Endpoint::new(setting.slots, setting.queue, now)).collect();
        let mut envoys: Vec<_> =
            (0..setting.envoys).map(|number| Envoy::new(setting, kind, number)).collect();
        if setting.bypass > 0.0 {
            envoys.push(Envoy::new(setting, Kind::Bypass, setting.envoys));
        }
        let measures = Measures::new(setting, &endpoints, now);
        let mut world = Self {
            setting,
            now,
            events: Events::default(),
            endpoints,
            envoys,
            requests: Slab::new(),
            measures,
            serial: 0,
            rng: rng_from(&[setting.seed, u64::MAX]),
        };
        world.begin();
        world
    }

    /// Runs it to its end. `second` is told each second that is over.
    #[must_use]
    pub fn run(mut self, mut second: impl FnMut()) -> Outcome {
        let end = BEGINNING.plus(self.setting.lasts);
        while let Some((at, event)) = self.events.pop()
            && at <= end
        {
            self.now = at;
            self.happen(event);
            if matches!(event, Event::Second) {
                second();
            }
        }
        let in_flight = self.requests.len() as u64;
        self.measures.finish(&self.endpoints, in_flight, end)
    }

    fn begin(&mut self) {
        for number in 0..self.envoys.len() {
            // Everybody has looked once before the first request, and then each at another moment.
            let envoy = &mut self.envoys[number];
            envoy.balancer.look(&envoy.books, self.now);
            let stagger = LOOKS_APART.mul_f64(envoy.rng.f64());
            self.events.push(self.now.plus(stagger), Event::Look { envoy: number });
            self.expect_arrival(number);
        }
        for (number, fault) in self.setting.faults.iter().enumerate() {
            self.events.push(self.now.plus(fault.at), Event::Fault { number });
        }
        self.events.push(self.now.plus(SAMPLES_APART), Event::Sample);
        self.events.push(self.now.plus(Duration::from_secs(1)), Event::Second);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrival { envoy } => self.arrive(envoy),
            Event::Retry { request } => self.attempt(request),
            Event::Attempt { request, serial, step } => {
                if self.requests.get(request).is_some_and(|request| request.serial == serial) {
                    self.step(request, step);
                }
            }
            Event::Look { envoy } => {
                self.events.push(self.now.plus(LOOKS_APART), event);
                let Envoy { balancer, books, .. } = &mut self.envoys[envoy];
                balancer.look(books, self.now);
            }
            Event::Fault { number } => self.fault(number),
            Event::Sample => {
                self.events.push(self.now.plus(SAMPLES_APART), event);
                self.measures.sample(&self.endpoints, self.now);
            }
            Event::Second => {
                self.events.push(self.now.plus(Duration::from_secs(1)), event);
                self.measures.second_is_over(&self.endpoints, self.now);
            }
        }
    }

    fn expect_arrival(&mut self, number: usize) {
        let envoy = &mut self.envoys[number];
        let wait = Duration::from_secs_f64(exponential(1.0 / envoy.rate, &mut envoy.traffic));
        self.events.push(self.now.plus(wait), Event::Arrival { envoy: number });
    }

    fn arrive(&mut self, number: usize) {
        self.expect_arrival(number);
        self.measures.outcome.arrived += 1;
        self.measures.second(self.now).arrived += 1;
        let Envoy { balancer, books, traffic, rng, .. } = &mut self.envoys[number];
        let (prefill, decode) = self.setting.service.draw(traffic);
        let prefix = self.setting.prefixes.as_ref().map(|prefixes| prefixes.law.draw(traffic));
        let affinity = prefix.map(|prefix| rng_from(&[prefix]).u64(..));
        let asked =
            crate::balancer::Request { number: self.measures.outcome.arrived, affinity, now: self.now };
        let order = balancer.choose(&asked, books, rng);
        let request = self.requests.insert(Request {
            number: asked.number,
            envoy: number,
            arrived: self.now,
            prefill,
            decode,
            prefix,
            order,
            tried: 0,
            place: 0,
            began: self.now,
            serial: 0,
            has_begun: false,
        });
        self.attempt(request);
    }

    fn fault(&mut self, number: usize) {
        let fault = self.setting.faults[number];
        let endpoint = &mut self.endpoints[fault.place as usize];
        let (broken, started) = endpoint.become_(fault.becomes, self.now);
        broken.into_iter().for_each(|request| self.end(request, attempt::How::Failed));
        started.into_iter().for_each(|request| self.start(request));
    }
}
