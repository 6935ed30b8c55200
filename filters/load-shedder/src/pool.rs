//! A pool as one VM sees it: its permits, its queue, and the record of its load.

use std::time::Duration;

use spillway_contract::metrics::{PoolGauge, label, waiting_of_level};
use spillway_host::{Gauge, Host, HostError, Slot};
use spillway_primitives::{Rng, Timestamp};
use spillway_shedding::admission::Situation;
use spillway_shedding::control::{Circumstances, Control, Settings, Update};
use spillway_shedding::ladder::Step;
use spillway_shedding::level::{Level, Levels, MAX_LEVELS};
use spillway_shedding::limit::{Class, End, Observer, Sent, Window};
use spillway_shedding::queue::{Enqueued, Member, Next, Queue, Waiter};
use spillway_shedding::reason::Reason;
use spillway_shedding::reserve::{Ceilings, Reserve};
use spillway_shedding::retry_after;

use crate::shares::{Seen, Shares};

/// An endpoint table that is older says nothing about who is there.
const MEMBERSHIP_LASTS: Duration = Duration::from_secs(30);
/// How many requests of this VM may try, between two ticks, to get into a queue that is full, in case they have more right to
/// a place than somebody there. To find that out the queue must be read, which costs more than all else of a refusal.
const TRIES: u32 = 10;

/// What all pools go by.
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    pub(crate) reserve: Reserve,
    pub(crate) retry_after: retry_after::Settings,
}

/// A pool.
pub(crate) struct Pool {
    pub(crate) name: String,
    /// Its number in this Envoy, the same in all VMs.
    pub(crate) number: usize,
    gauges: Gauges,
    control_slot: Slot,
    queue_slot: Slot,
    shares: Shares,
    observer: Observer,
    /// The record, as this VM saw it last.
    control: Control,
    ceilings: Ceilings,
    /// Endpoints that may be sent a request, as of the last tick; `None` where no filter says so.
    endpoints: Option<u32>,
    /// Permits that this VM has out.
    permits: u32,
    tries: u32,
    drained: Timestamp,
}

struct Gauges {
    admitted: Gauge,
    waiting: Gauge,
    by_level: Vec<Gauge>,
    limit: Gauge,
    overload: Gauge,
    gpu: Gauge,
    step: Gauge,
    promised: Gauge,
    eligible: Gauge,
    refreshed: Gauge,
}

/// What a tick has shown.
pub(crate) struct Ticked {
    pub(crate) update: Option<Update>,
    pub(crate) seen: Option<Seen>,
}

/// What the inference workers of a pool say, and what they have in use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Workers {
    pub(crate) reported: Option<spillway_shedding::limit::Reported>,
    pub(crate) kv_cache: Option<f64>,
    /// In thousandths.
    pub(crate) gpu_permille: Option<u16>,
}

impl Pool {
    /// Makes its keys and gauges. On configuration, before there is traffic.
    pub(crate) fn new(
        host: &dyn Host,
        number: usize,
        name: &str,
        levels: &Levels,
    ) -> Result<Self, HostError> {
        let labelled = label(name);
        let gauge = |which: PoolGauge| Gauge::define(host, &which.name(&labelled));
        let of_level =
            |(_, level): (Level, &str)| Gauge::define(host, &waiting_of_level(&labelled, &label(level)));
        let [control_slot, queue_slot] =
            ["load", "queue"].map(|what| Slot::new(format!("spillway/{what}/{number}")));
        control_slot.create(host)?;
        queue_slot.create(host)?;
        Ok(Self {
            name: name.to_owned(),
            number,
            gauges: Gauges {
                admitted: gauge(PoolGauge::Admitted)?,
                waiting: gauge(PoolGauge::Waiting)?,
                by_level: levels.iter().map(of_level).collect::<Result<_, _>>()?,
                limit: gauge(PoolGauge::Limit)?,
                overload: gauge(PoolGauge::Overload)?,
                gpu: gauge(PoolGauge::Gpu)?,
                step: gauge(PoolGauge::Step)?,
                promised: gauge(PoolGauge::Promised)?,
                eligible: gauge(PoolGauge::Eligible)?,
                refreshed: gauge(PoolGauge::MembershipRefreshed)?,
            },
            control_slot,
            queue_slot,
            shares: Shares::new(host, number)?,
            observer: Observer::default(),
            control: Control::default(),
            ceilings: Ceilings::default(),
            endpoints: None,
            permits: 0,
            tries: TRIES,
            drained: Timestamp::ZERO,
        })
    }

    /// The step of the ladder.
    pub(crate) const fn step(&self) -> Step {
        self.control.step()
    }

    /// How long the first token of a request of this class takes once it is sent.
    pub(crate) fn first_token(&self, class: Class) -> Duration {
        self.control.first_token(class).unwrap_or_default()
    }

    /// A request of this level has come.
    pub(crate) fn arrived(&mut self, level: Level) {
        self.observer.arrived(level);
    }

    /// What is known when a request comes.
    pub(crate) fn situation(&self, host: &dyn Host, rules: &Rules) -> Situation {
        Situation {
            in_flight: number(self.gauges.admitted.read(host)),
            ceilings: self.ceilings,
            waiting: self.waiting(host),
            step: self.step(),
            endpoints: self.endpoints,
            levels: rules.settings.levels,
        }
    }

    /// A request goes, with a permit.
    pub(crate) fn send(
        &mut self,
        host: &dyn Host,
        (class, waited): (Class, Duration),
        now: Timestamp,
    ) -> Sent {
        self.gauges.admitted.add(host, 1).ok();
        self.permits = self.permits.saturating_add(1);
        let admitted = number(self.gauges.admitted.read(host));
        self.observer.sent(now, class, waited, self.ceilings.permit(admitted))
    }

    /// The first token of a stream has come, or the whole of another answer.
    pub(crate) fn started(&mut self, now: Timestamp, sent: &Sent, took: Duration) {
        self.observer.started(now, sent, took);
    }

    /// A request is over, and gives its permit back.
    pub(crate) fn ended(&mut self, host: &dyn Host, now: Timestamp, sent: &Sent, started: bool, end: End) {
        self.observer.ended(now, sent, started, end);
        self.permits = self.permits.saturating_sub(1);
        self.gauges.admitted.add(host, -1).ok();
    }

    /// Whether a request of this level need not ask for a place in the queue, because there is none.
    pub(crate) fn is_full(&mut self, level: Level, waiting: &[u16; MAX_LEVELS], rules: &Rules) -> bool {
        let own = usize::from(waiting.get(level.index()).copied().unwrap_or(0));
        own >= rules.settings.bounds.of(level).max && !(ahead(level, waiting) > 0 && self.may_try())
    }

    /// A request that cannot go now would like to wait, beside so many.
    pub(crate) fn enqueue(
        &mut self,
        host: &dyn Host,
        (waiter, waiting): (&Waiter, &[u16; MAX_LEVELS]),
        now: Timestamp,
        rules: &Rules,
    ) -> Enqueued {
        let capacity = self.control.rates().capacity();
        let bounds = &rules.settings.bounds;
        if self.is_late(waiter, waiting, capacity, now) {
            self.observer.refused();
            return Enqueued::Refused(Reason::Deadline);
        }
        let overloaded = self.step() > Step::Normal;
        let mut outcome = Enqueued::Refused(Reason::QueueFull);
        let is_written = self.change_queue(host, |queue| {
            outcome = queue.enqueue(waiter, capacity, now, overloaded, bounds);
            matches!(outcome, Enqueued::Waits { .. })
        });
        if !is_written {
            outcome = Enqueued::Refused(Reason::QueueFull);
        }
        match outcome {
            Enqueued::Waits { .. } => self.observer.waits(),
            Enqueued::Refused(_) => self.observer.refused(),
        }
        outcome
    }

    /// A request waits no longer, because its client went away or its time is over.
    pub(crate) fn leave(&self, host: &dyn Host, member: Member) {
        self.change_queue(host, |queue| queue.leave(member));
    }

    /// Takes whose turn it is, if a permit is free for it, and all whose time is over. So many have been told to go that have
    /// not taken theirs yet.
    pub(crate) fn next(
        &self,
        host: &dyn Host,
        going: u32,
        now: Timestamp,
        rules: &Rules,
    ) -> (Option<Next>, Vec<Member>) {
        let admitted = number(self.gauges.admitted.read(host)).saturating_add(going);
        let open = self.ceilings.open(admitted);
        let overloaded = self.step() > Step::Normal;
        let mut next = None;
        let mut overdue = Vec::new();
        self.change_queue(host, |queue| {
            match open {
                Some(open) => {
                    let taken = queue.take(now, open, overloaded, &rules.settings.bounds);
                    (next, overdue) = (taken.next, taken.overdue);
                }
                None => (next, overdue) = (None, queue.overdue(now)),
            }
            next.is_some() || !overdue.is_empty()
        });
        (next, overdue)
    }

    /// How many permits are free for those that wait.
    pub(crate) fn free(&self, host: &dyn Host) -> u32 {
        self.ceilings.limit().saturating_sub(number(self.gauges.admitted.read(host)))
    }

    /// Whether anybody waits.
    pub(crate) fn has_waiting(&self, host: &dyn Host) -> bool {
        self.gauges.waiting.read(host) > 0
    }

    /// A request was refused because of load by somebody else than [`Self::enqueue`].
    pub(crate) fn refused(&mut self) {
        self.observer.refused();
    }

    /// When a client that is refused is to come back; the promise is counted, if it has a place in the line.
    pub(crate) fn promise(&self, host: &dyn Host, rules: &Rules, rng: &mut Rng) -> Duration {
        let (outstanding, rates) = (self.gauges.promised.read(host), self.control.rates());
        if rules.retry_after.has_place(outstanding, rates) {
            self.gauges.promised.add(host, 1).ok();
        }
        rules.retry_after.promise(outstanding, rates, rng)
    }

    /// Several times a second: tells the others what was seen here, and learns what they saw.
    pub(crate) fn tick(
        &mut self,
        host: &dyn Host,
        (vm, workers): (u64, Workers),
        now: Timestamp,
        (rules, rng): (&Rules, &mut Rng),
    ) -> Ticked {
        self.tries = TRIES;
        self.endpoints = self.count_endpoints(host, now);
        let window = self.observer.take(now);
        let around = Circumstances {
            in_flight: number(self.gauges.admitted.read(host)),
            waiting: self.waiting(host),
            endpoints: self.endpoints,
            reported: workers.reported,
            kv_cache: workers.kv_cache,
            gpu: workers.gpu_permille.map(|permille| f64::from(permille) / 1000.0),
        };
        let update = self.absorb(host, &window, &around, now, (rules, rng));
        if let Some(update) = &update {
            self.gauges.limit.set(host, u64::from(self.ceilings.limit()));
            self.gauges.overload.set(host, u64::from(update.overload));
            self.gauges.gpu.set(host, u64::from(workers.gpu_permille.unwrap_or(0)));
            self.gauges.step.set(host, self.step().as_gauge());
        }
        let seen = self.shares.say(host, (vm, self.permits), self.gauges.admitted, now);
        if let Some(seen) = &seen {
            for vm in &seen.gone {
                self.change_queue(host, |queue| queue.remove_vm(*vm) > 0);
            }
            if seen.is_ours {
                self.mend_waiting(host);
                self.drain_promises(host, now, rules, rng);
            }
        }
        Ticked { update, seen }
    }

    /// Tells the record what was seen here, and makes its update if it is time to.
    fn absorb(
        &mut self,
        host: &dyn Host,
        window: &Window,
        around: &Circumstances,
        now: Timestamp,
        (rules, rng): (&Rules, &mut Rng),
    ) -> Option<Update> {
        let mut update = None;
        let mut known = None;
        let is_empty = *window == Window::default();
        let updated = self.control_slot.update(host, |bytes| {
            // Of another release or damaged: it is found anew.
            let mut control = Control::decode(bytes).unwrap_or_default();
            control.absorb(window);
            let is_first = bytes.is_empty();
            update = control.update(now, around, &rules.settings);
            let changed = !is_empty || is_first || update.is_some();
            let encoded = changed.then(|| control.encode().ok()).flatten();
            known = Some(control);
            encoded
        });
        match (updated, known) {
            (Ok(_), Some(control)) => {
                let limit = control.limit(&rules.settings);
                self.ceilings =
                    rules.reserve.ceilings(limit, rules.settings.levels, control.rates(), rng.f64());
                self.control = control;
                update
            }
            _ => {
                self.observer.give_back(window);
                None
            }
        }
    }

    /// Whether a request would come to its turn too late, as far as that can be told without reading the queue.
    fn is_late(
        &mut self,
        waiter: &Waiter,
        waiting: &[u16; MAX_LEVELS],
        capacity: Option<f64>,
        now: Timestamp,
    ) -> bool {
        let ahead = ahead(waiter.level, waiting);
        let wait = capacity.filter(|rate| *rate > 0.0).map_or(0.0, |rate| f64::from(ahead) / rate);
        let wait = Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX);
        now.plus(wait) >= waiter.deadline && !(ahead > 0 && self.may_try())
    }

    /// Whether a request may be tried in the queue all the same: it may have more right to a place than somebody there.
    fn may_try(&mut self) -> bool {
        let left = self.tries.checked_sub(1);
        self.tries = left.unwrap_or(0);
        left.is_some()
    }

    /// How many wait, by level. One read where nobody does.
    fn waiting(&self, host: &dyn Host) -> [u16; MAX_LEVELS] {
        let mut waiting = [0; MAX_LEVELS];
        if self.gauges.waiting.read(host) > 0 {
            for (waiting, gauge) in waiting.iter_mut().zip(&self.gauges.by_level) {
                *waiting = u16::try_from(gauge.read(host)).unwrap_or(u16::MAX);
            }
        }
        waiting
    }

    fn count_endpoints(&self, host: &dyn Host, now: Timestamp) -> Option<u32> {
        let refreshed = Timestamp::from_millis(self.gauges.refreshed.read(host).saturating_mul(1000));
        (now.since(refreshed) < MEMBERSHIP_LASTS).then(|| number(self.gauges.eligible.read(host)))
    }

    /// Changes the queue, where `change` says that it did; false where the record cannot be written.
    fn change_queue(&self, host: &dyn Host, mut change: impl FnMut(&mut Queue) -> bool) -> bool {
        let mut before = [0; MAX_LEVELS];
        let mut after = [0; MAX_LEVELS];
        let updated = self.queue_slot.update(host, |bytes| {
            let mut queue = Queue::decode(bytes).unwrap_or_default();
            (before, after) = (queue.lengths(), queue.lengths());
            if !change(&mut queue) {
                return None;
            }
            after = queue.lengths();
            queue.encode().ok()
        });
        if updated.is_ok() {
            self.count_waiting(host, before, after);
        }
        updated.is_ok()
    }

    /// The gauges follow the queue by differences, so that changes of several VMs add up whatever their order.
    fn count_waiting(&self, host: &dyn Host, before: [u16; MAX_LEVELS], after: [u16; MAX_LEVELS]) {
        let mut total = 0;
        for ((gauge, before), after) in self.gauges.by_level.iter().zip(before).zip(after) {
            let change = i64::from(after) - i64::from(before);
            if change != 0 {
                gauge.add(host, change).ok();
                total += change;
            }
        }
        if total != 0 {
            self.gauges.waiting.add(host, total).ok();
        }
    }

    /// Sets the gauges to what the queue holds, where a VM that is gone left them wrong.
    fn mend_waiting(&self, host: &dyn Host) {
        let Ok(record) = self.queue_slot.read(host) else { return };
        let queue = Queue::decode(&record.bytes).unwrap_or_default();
        // Only an empty queue stands still long enough to compare.
        if queue.is_empty() {
            self.gauges.by_level.iter().chain([&self.gauges.waiting]).for_each(|gauge| {
                if gauge.read(host) > 0 || gauge.deficit(host) > 0 {
                    gauge.set(host, 0);
                }
            });
        }
    }

    fn drain_promises(&mut self, host: &dyn Host, now: Timestamp, rules: &Rules, rng: &mut Rng) {
        let passed = now.since(self.drained).min(Duration::from_secs(1));
        self.drained = now;
        let outstanding = self.gauges.promised.read(host);
        if outstanding > 0 {
            let drained = rules.retry_after.drained(outstanding, passed, self.control.rates(), rng);
            self.gauges.promised.add(host, -i64::try_from(drained).unwrap_or(i64::MAX)).ok();
        }
    }
}

/// How many wait that go before a request of this level that comes now.
fn ahead(level: Level, waiting: &[u16; MAX_LEVELS]) -> u32 {
    waiting.iter().take(level.index() + 1).map(|waiting| u32::from(*waiting)).sum()
}

fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
