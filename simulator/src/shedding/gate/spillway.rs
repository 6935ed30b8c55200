//! The shipped decisions, as the load shedder's filter puts them together: two VMs, one record of control and one of the
//! queue.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway_primitives::{Rng, Timestamp, rng_from};
use spillway_shedding::admission::{Situation, Verdict, admit};
use spillway_shedding::control::{Circumstances, Control, Settings};
use spillway_shedding::deadline::{Asked, latest_start};
use spillway_shedding::ladder::Step;
use spillway_shedding::level::Level;
use spillway_shedding::limit::{Class, End, Observer, Reported, Sent};
use spillway_shedding::queue::{Enqueued, Member, Queue, Waiter};
use spillway_shedding::reason::Reason;
use spillway_shedding::reserve::{Ceilings, Reserve};
use spillway_shedding::retry_after;

use super::{Action, Asks, Gate};
use crate::shedding::plan::Plan;

const VMS: usize = 2;
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Spillway {
    settings: Settings,
    reserve: Reserve,
    ceilings: Ceilings,
    returns: retry_after::Settings,
    deadline: Duration,
    control: Control,
    queue: Queue,
    observers: [Observer; VMS],
    in_flight: u32,
    promises: u64,
    endpoints: u32,
    /// Requests that are here.
    known: BTreeMap<usize, Known>,
    rng: Rng,
}

struct Known {
    class: Class,
    sent: Option<Sent>,
    started: bool,
}

impl Spillway {
    pub(super) fn new(plan: &Plan, envoy: usize) -> Self {
        let (settings, reserve, control) = (Settings::default(), Reserve::default(), Control::default());
        let ceilings = reserve.ceilings(control.limit(&settings), settings.levels, control.rates(), 0.0);
        Self {
            settings,
            reserve,
            ceilings,
            returns: retry_after::Settings::default(),
            deadline: plan.deadline,
            control,
            queue: Queue::default(),
            observers: Default::default(),
            in_flight: 0,
            promises: 0,
            endpoints: 1,
            known: BTreeMap::new(),
            rng: rng_from(&[plan.seed, 77, envoy as u64]),
        }
    }

    fn observer(&mut self, number: usize) -> &mut Observer {
        &mut self.observers[number % VMS]
    }

    fn send(&mut self, number: usize, waited: Duration, now: Timestamp, actions: &mut Vec<Action>) {
        self.in_flight += 1;
        let permit = self.ceilings.permit(self.in_flight);
        let Some(known) = self.known.get_mut(&number) else { return };
        known.sent = Some(self.observers[number % VMS].sent(now, known.class, waited, permit));
        actions.push(Action::Send(number));
    }

    fn refuse(&mut self, request: usize, reason: Reason, actions: &mut Vec<Action>) {
        self.known.remove(&request);
        self.observer(request).refused();
        let delay = self.returns.promise(self.promises, self.control.rates(), &mut self.rng);
        let seconds = retry_after::header_seconds(delay, &mut self.rng);
        self.promises += 1;
        let retry_after = Some(Duration::from_secs(seconds));
        actions.push(Action::Refuse { request, reason, retry_after });
    }

    fn waits(&mut self, asks: Asks, now: Timestamp, actions: &mut Vec<Action>) {
        let Asks { number, draw } = asks;
        let rates = self.control.rates();
        let class = Class::of(draw.streamed, draw.prompt_tokens);
        let service = self.control.first_token(class).filter(|_| draw.streamed).unwrap_or_default();
        let waiter = Waiter {
            member: Member { vm: (number % VMS) as u64, stream: number as u32 },
            level: Level(draw.level),
            tenant: draw.tenant,
            deadline: latest_start(now, &Asked::default(), self.deadline, service),
        };
        match self.queue.enqueue(&waiter, rates.capacity(), now, false, &self.settings.bounds) {
            Enqueued::Waits { preempted } => {
                self.observer(number).waits();
                if let Some(member) = preempted {
                    self.refuse(member.stream as usize, Reason::Preempted, actions);
                }
            }
            Enqueued::Refused(reason) => self.refuse(number, reason, actions),
        }
    }

    /// Lets those go who may.
    fn pump(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        loop {
            let Some(open) = self.ceilings.open(self.in_flight) else { return };
            let taken = self.queue.take(now, open, false, &self.settings.bounds);
            for member in taken.overdue {
                self.refuse(member.stream as usize, Reason::Deadline, actions);
            }
            let Some(next) = taken.next else { return };
            self.send(next.member.stream as usize, next.waited, now, actions);
        }
    }
}

impl Gate for Spillway {
    fn arrives(&mut self, asks: Asks, now: Timestamp, actions: &mut Vec<Action>) {
        let Asks { number, draw } = asks;
        let class = Class::of(draw.streamed, draw.prompt_tokens);
        self.known.insert(number, Known { class, sent: None, started: false });
        self.observer(number).arrived(Level(draw.level));
        let situation = Situation {
            in_flight: self.in_flight,
            ceilings: self.ceilings,
            waiting: self.queue.lengths(),
            step: self.step(),
            endpoints: Some(self.endpoints),
            levels: self.settings.levels,
        };
        match admit(Level(draw.level), &situation) {
            Verdict::Admit => self.send(number, Duration::ZERO, now, actions),
            Verdict::Queue => self.waits(asks, now, actions),
            Verdict::Refuse(reason) => self.refuse(number, reason, actions),
        }
    }

    fn starts(&mut self, number: usize, ttft: Duration, now: Timestamp) {
        let Some(known) = self.known.get_mut(&number) else { return };
        known.started = true;
        if let Some(sent) = known.sent {
            self.observer(number).started(now, &sent, ttft);
        }
    }

    fn ends(&mut self, number: usize, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(known) = self.known.remove(&number) else { return };
        self.in_flight -= 1;
        if let Some(sent) = known.sent {
            self.observer(number).ended(now, &sent, known.started, End::Answered);
        }
        self.pump(now, actions);
    }

    fn ticks(
        &mut self,
        now: Timestamp,
        endpoints: u32,
        reported: Option<Reported>,
        actions: &mut Vec<Action>,
    ) {
        self.endpoints = endpoints;
        for observer in &mut self.observers {
            self.control.absorb(&observer.take(now));
        }
        let around = Circumstances {
            in_flight: self.in_flight,
            waiting: self.queue.lengths(),
            endpoints: Some(endpoints),
            reported,
            kv_cache: None,
            gpu: None,
        };
        self.control.update(now, &around, &self.settings);
        let (limit, rates) = (self.limit(), self.control.rates());
        self.ceilings = self.reserve.ceilings(limit, self.settings.levels, rates, self.rng.f64());
        self.promises -= self.returns.drained(self.promises, TICK, rates, &mut self.rng);
        for member in self.queue.overdue(now) {
            self.refuse(member.stream as usize, Reason::Deadline, actions);
        }
        self.pump(now, actions);
    }

    fn limit(&self) -> u32 {
        self.control.limit(&self.settings)
    }

    fn step(&self) -> Step {
        self.control.step()
    }
}
