//! What happens: requests come, are let through, wait at inference workers, run.

use std::time::Duration;

use slab::Slab;
use spillway_primitives::{Rng, Timestamp, rng_from};
use spillway_routing::choice::{MAX_CANDIDATES, order, sample};
use spillway_routing::elsewhere::Elsewhere;
use spillway_routing::score::{Load, Weights};
use spillway_shedding::ladder::Step;
use spillway_shedding::limit::Reported;

use super::engine::Engine;
use super::gate::{Action, Asks, Gate, Kind};
use super::outcome::{Outcome, Second};
use super::plan::{Draw, Plan, Returns};
use crate::events::Events;

const BEGINNING: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const TICK: Duration = Duration::from_millis(100);
const TICKS_A_SECOND: f64 = 10.0;
/// Nobody notices sooner that workers have come or gone.
const LOOK_TICKS: u64 = 10;

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrival,
    Return(Draw),
    FirstToken(usize),
    End(usize),
    Tick(u64),
}

#[derive(Clone, Copy, Debug)]
struct Request {
    draw: Draw,
    envoy: usize,
    worker: usize,
    arrived: Timestamp,
    sent: Timestamp,
    again: bool,
}

/// A run under way.
pub(super) struct World<'a> {
    plan: &'a Plan,
    now: Timestamp,
    events: Events<Event>,
    engines: Vec<Engine>,
    gates: Vec<Box<dyn Gate>>,
    /// By Envoy and worker: what an Envoy knows of its own.
    in_flight: Vec<Vec<u32>>,
    /// By Envoy and worker: what that had of others when it reported last, which it does with each first token.
    elsewhere: Vec<Vec<u32>>,
    requests: Slab<Request>,
    arrivals: Rng,
    choices: Rng,
    step: Vec<Step>,
    next_envoy: usize,
    outcome: Outcome,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a Plan, kind: Kind) -> Self {
        let most = plan.workers.iter().map(|(_, workers)| *workers).max().unwrap_or(0) as usize;
        let engine = Engine { slots: plan.slots, ..Engine::default() };
        let mut world = Self {
            plan,
            now: BEGINNING,
            events: Events::default(),
            engines: vec![engine; most],
            gates: (0..plan.envoys).map(|envoy| kind.gate(plan, envoy)).collect(),
            in_flight: vec![vec![0; most]; plan.envoys],
            elsewhere: vec![vec![0; most]; plan.envoys],
            requests: Slab::new(),
            arrivals: rng_from(&[plan.seed, 1]),
            choices: rng_from(&[plan.seed, 2]),
            step: vec![Step::Normal; plan.envoys],
            next_envoy: 0,
            outcome: Outcome::default(),
        };
        world.outcome.measured = (plan.seconds - plan.warm_up) as f64;
        world.outcome.seconds = vec![Second::default(); plan.seconds as usize];
        world.events.push(BEGINNING, Event::Tick(0));
        world.events.push(BEGINNING.plus(Duration::from_millis(1)), Event::Arrival);
        world
    }

    pub(super) fn run(mut self) -> Outcome {
        let end = BEGINNING.plus(Duration::from_secs(self.plan.seconds));
        while let Some((at, event)) = self.events.pop() {
            if at >= end {
                break;
            }
            self.now = at;
            self.happens(event);
        }
        for times in &mut self.outcome.first_tokens {
            times.sort_unstable();
        }
        self.outcome
    }

    fn second(&self) -> u64 {
        self.now.since(BEGINNING).as_secs()
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                let draw = self.plan.draw(&mut self.arrivals);
                let gap = self.plan.gap(self.second(), &mut self.arrivals);
                self.events.push(self.now.plus(gap), Event::Arrival);
                self.arrives(draw, false);
            }
            Event::Return(draw) => self.arrives(draw, true),
            Event::FirstToken(number) => self.starts(number),
            Event::End(number) => self.ends(number),
            Event::Tick(tick) => self.ticks(tick),
        }
    }

    fn arrives(&mut self, draw: Draw, again: bool) {
        let second = self.second() as usize;
        self.outcome.seconds[second].arrived += 1;
        if !again && self.is_measured(self.now) {
            self.outcome.arrived[usize::from(draw.level)] += 1;
        }
        let envoy = self.next_envoy;
        let is_alone = self.second() < self.plan.alone_until;
        self.next_envoy = if is_alone { 0 } else { (envoy + 1) % self.gates.len() };
        let request = Request { draw, envoy, worker: 0, arrived: self.now, sent: self.now, again };
        let number = self.requests.insert(request);
        self.with_gate(envoy, |gate, now, actions| gate.arrives(Asks { number, draw }, now, actions));
    }

    fn with_gate(&mut self, envoy: usize, asks: impl FnOnce(&mut dyn Gate, Timestamp, &mut Vec<Action>)) {
        let mut actions = Vec::new();
        asks(self.gates[envoy].as_mut(), self.now, &mut actions);
        for action in actions {
            match action {
                Action::Send(number) => self.send(number),
                Action::Refuse { request, reason, retry_after } => {
                    let request = self.requests.remove(request);
                    if self.is_measured(request.arrived) {
                        *self.outcome.refused.entry(reason.as_str()).or_default() += 1;
                    }
                    self.comes_back(&request, retry_after);
                    if request.again {
                        self.outcome.returned.0 += 1;
                    }
                }
            }
        }
    }

    fn comes_back(&mut self, request: &Request, promised: Option<Duration>) {
        let second = self.second() as usize;
        let delay = match self.plan.returns {
            _ if request.again => return,
            Returns::Never => return,
            Returns::AsPromised => promised.unwrap_or_default(),
            Returns::After(delay) => delay,
        };
        let second = &mut self.outcome.seconds[second];
        second.promised = second.promised.max(delay);
        self.events.push(self.now.plus(delay), Event::Return(request.draw));
    }

    fn send(&mut self, number: usize) {
        let envoy = self.requests[number].envoy;
        let worker = self.choose(envoy);
        self.in_flight[envoy][worker] += 1;
        let request = &mut self.requests[number];
        (request.worker, request.sent) = (worker, self.now);
        if self.engines[worker].takes(number) {
            self.runs(number);
        }
    }

    /// With reports drawn by the endpoint picker's scores; else the one that this Envoy has sent the fewest, of equal ones any.
    fn choose(&mut self, envoy: usize) -> usize {
        let eligible: Vec<usize> = (0..self.engines.len()).filter(|at| self.engines[*at].eligible).collect();
        if self.choices.u32(0..100) < self.plan.astray {
            return eligible[self.choices.usize(0..eligible.len())];
        }
        if self.plan.reports {
            return self.draw(envoy, &eligible);
        }
        let first = self.choices.usize(0..eligible.len());
        let order = (0..eligible.len()).map(|at| eligible[(first + at) % eligible.len()]);
        order.min_by_key(|at| self.in_flight[envoy][*at]).unwrap_or(eligible[first])
    }

    fn draw(&mut self, envoy: usize, eligible: &[usize]) -> usize {
        let others = |at: usize| u64::from(self.elsewhere[envoy][at]);
        let usual = eligible.iter().map(|at| others(*at)).sum::<u64>() as f64 / eligible.len() as f64;
        let own_part = 1.0 / self.plan.envoys as f64;
        let elsewhere = Elsewhere { usual, belief: 1.0, own_part, ..Elsewhere::default() };
        let candidates = sample(eligible.len() as u32, MAX_CANDIDATES, &mut self.choices);
        let chance = |candidate: &u32| {
            let at = eligible[*candidate as usize];
            let (own, said) = (f64::from(self.in_flight[envoy][at]), Some(others(at)));
            let others = elsewhere.there(said);
            let in_flight = (own + elsewhere.to_make_up(said)).max(0.0);
            let slots = Some(self.plan.slots);
            let load = Load { in_flight, total: own + others, others, slots, ..Load::default() };
            Weights::default().chance(load, None, &mut self.choices)
        };
        let chances: Vec<f64> = candidates.as_slice().iter().map(chance).collect();
        let drawn = order(candidates, &chances, &mut self.choices).first();
        eligible[drawn.unwrap_or(0) as usize]
    }

    fn runs(&mut self, number: usize) {
        let Draw { prefill, decode, streamed, .. } = self.requests[number].draw;
        let end = self.now.plus(prefill + decode);
        let first = if streamed { self.now.plus(prefill) } else { end };
        self.events.push(first, Event::FirstToken(number));
        self.events.push(end, Event::End(number));
    }

    fn starts(&mut self, number: usize) {
        let Request { draw, envoy, worker, arrived, sent, again } = self.requests[number];
        self.elsewhere[envoy][worker] = self.engines[worker].load() - self.in_flight[envoy][worker];
        let (ttft, level) = (self.now.since(arrived), usize::from(draw.level));
        // A whole answer is in time if it would have been with a stream.
        let ttft = if draw.streamed { ttft } else { ttft.saturating_sub(draw.decode) };
        let good = ttft <= self.plan.deadline;
        self.outcome.seconds[arrived.since(BEGINNING).as_secs() as usize].good += u32::from(good);
        if again {
            self.outcome.returned.0 += 1;
            self.outcome.returned.1 += u32::from(good);
        } else if self.is_measured(arrived) {
            self.outcome.good[level] += u32::from(good);
            self.outcome.first_tokens[level].push(ttft);
        }
        self.gates[envoy].starts(number, self.now.since(sent), self.now);
    }

    fn ends(&mut self, number: usize) {
        let Request { envoy, worker, .. } = self.requests.remove(number);
        self.in_flight[envoy][worker] -= 1;
        if let Some(next) = self.engines[worker].ends() {
            self.runs(next);
        }
        self.with_gate(envoy, |gate, now, actions| gate.ends(number, now, actions));
    }

    fn ticks(&mut self, tick: u64) {
        self.events.push(self.now.plus(TICK), Event::Tick(tick + 1));
        if tick.is_multiple_of(LOOK_TICKS) {
            let eligible = self.plan.workers_at(self.second()) as usize;
            for (at, engine) in self.engines.iter_mut().enumerate() {
                engine.eligible = at < eligible;
            }
        }
        let endpoints = self.engines.iter().filter(|engine| engine.eligible).count() as u32;
        let mut limit = 0.0;
        for envoy in 0..self.gates.len() {
            let reported = self.plan.reports.then(|| self.reported(envoy));
            self.with_gate(envoy, |gate, now, actions| gate.ticks(now, endpoints, reported, actions));
            limit += f64::from(self.gates[envoy].limit());
            let step = self.gates[envoy].step();
            if step != self.step[envoy] {
                self.step[envoy] = step;
                let at = self.now.since(BEGINNING);
                self.outcome.changes.push(at);
                self.outcome.normal_since = (step == Step::Normal).then_some(at);
            }
        }
        let second = self.second() as usize;
        self.outcome.seconds[second].limit += limit / TICKS_A_SECOND;
    }

    /// What an Envoy knows of the workers: what they last told it of others, and its own.
    fn reported(&self, envoy: usize) -> Reported {
        let mut all = Reported { slots: 0, running: 0, waiting: 0 };
        let known = self.elsewhere[envoy].iter().zip(&self.in_flight[envoy]);
        for (engine, (elsewhere, own)) in self.engines.iter().zip(known).filter(|(engine, _)| engine.eligible)
        {
            let load = elsewhere + own;
            all.slots += engine.slots;
            all.running += load.min(engine.slots);
            all.waiting += load.saturating_sub(engine.slots);
        }
        all
    }

    fn is_measured(&self, arrived: Timestamp) -> bool {
        arrived.since(BEGINNING).as_secs() >= self.plan.warm_up
    }
}
