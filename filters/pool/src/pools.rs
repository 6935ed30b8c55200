//! The books of all pools, as one VM keeps them.

use std::rc::Rc;
use std::time::Duration;

use spillway_contract::metrics::filter_metric;
use spillway_host::{Counter, Host, HostError};
use spillway_primitives::{Rng, Timestamp, rng_from};
use spillway_routing::membership::Member;

use crate::circuits::{self, Probe, Scope, policy};
use crate::share::Shares;
use crate::view::PlaceGauges;
use crate::{Attempt, Outcome, PoolId, Settings, View, keys, registry, repair};

/// What goes wrong with the books themselves.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    pub(crate) repaired: Counter,
    pub(crate) below_zero: Counter,
    pub(crate) circuits: circuits::Counters,
    untracked: Counter,
    refused: Counter,
}

/// All pools.
pub struct Pools {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    /// What tells this VM from all others.
    pub(crate) holder: u64,
    pub(crate) rng: Rng,
    pub(crate) suspects: circuits::reconcile::Suspects,
    /// By the pool's number.
    pub(crate) views: Vec<Option<View>>,
    shares: Option<Shares>,
    /// The pools on which this VM books attempts: a bit for each number.
    books_on: u32,
    /// When this VM last asked for a number: looking through them all costs too much to do per request.
    asked: Timestamp,
}

/// How long to wait before asking for a number again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Pools {
    /// Makes the keys of shared data that the books need. On configuration, before there is traffic.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the host has no shared data or refuses a metric.
    pub fn new(host: Rc<dyn Host>, settings: Settings) -> Result<Self, HostError> {
        registry::create(&*host, settings.bounds)?;
        let holder = registry::next_holder(&*host)?;
        let counter = |noun| Counter::define(&*host, &filter_metric("books", noun));
        let counters = Counters {
            repaired: counter("repaired_total")?,
            below_zero: counter("below_zero_total")?,
            untracked: counter("untracked_attempts_total")?,
            refused: counter("refused_endpoints_total")?,
            circuits: circuits::Counters::define(&*host)?,
        };
        let rng = rng_from(&[host.now().as_nanos(), holder]);
        Ok(Self {
            host,
            settings,
            counters,
            holder,
            rng,
            suspects: circuits::reconcile::Suspects::new(),
            views: Vec::new(),
            shares: None,
            books_on: 0,
            asked: Timestamp::ZERO,
        })
    }

    /// What tells this VM from all others of the process: a seed for whatever must differ between them.
    #[must_use]
    pub const fn holder(&self) -> u64 {
        self.holder
    }

    /// The pool of that name; `None` when there are more pools than numbers.
    pub fn pool(&mut self, name: &str) -> Option<PoolId> {
        if let Some(view) = self.views().find(|view| view.name() == name) {
            return Some(view.id);
        }
        let number = registry::claim_pool(&*self.host, name)?;
        self.learn(number)
    }

    /// A pool as this VM sees it.
    #[must_use]
    pub fn view(&self, pool: PoolId) -> Option<&View> {
        self.views.get(pool.0)?.as_ref()
    }

    /// Every pool that this VM knows.
    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.views.iter().flatten()
    }

    /// Once a second: renews the lease, looks at every table again, and takes back what VMs that are gone owe.
    pub fn tick(&mut self, now: Timestamp) {
        self.renew(now);
        (0..keys::MAX_POOLS).for_each(|number| {
            if self.learn(number).is_some() {
                self.work_out(PoolId(number), now);
            }
        });
        repair::tick(self, now);
    }

    /// Says that this VM is going to book every attempt on a pool. Without it that is known from the first attempt on.
    pub fn will_book(&mut self, pool: PoolId) {
        if self.books_on & pool.bit() == 0 {
            self.books_on |= pool.bit();
            self.settings.circuits.iter().for_each(|policy| policy::leave(&*self.host, pool.0, policy));
        }
    }

    /// Tells other filters that every attempt is booked on the pools on which this VM books.
    pub fn mark_booked(&self, now: Timestamp) {
        let ours = self.views().filter(|view| self.books_on & view.id.bit() != 0);
        ours.for_each(|view| view.mark_booked(&*self.host, now));
    }

    /// Makes `members` the membership of a pool.
    ///
    /// # Errors
    ///
    /// [`HostError`] from shared data.
    pub fn set_members(&mut self, pool: PoolId, members: &[Member], now: Timestamp) -> Result<(), HostError> {
        let Some(view) = self.view(pool) else { return Ok(()) };
        let idle = |place| is_idle(&*self.host, view, place);
        let applied = registry::apply(&*self.host, pool.0, members, now, self.settings.bounds, idle)?;
        view.mark_refreshed(&*self.host, now);
        if applied.refused > 0 {
            self.counters.refused.add(&*self.host, u32::try_from(applied.refused).unwrap_or(u32::MAX));
        }
        self.learn(pool.0);
        if let Some(view) = self.view(pool) {
            applied.fresh.iter().for_each(|place| view.start_anew(&*self.host, *place));
        }
        self.work_out(pool, now);
        Ok(())
    }

    /// The place of an endpoint, taken now if it has none; `None` when there is none left.
    pub fn place(&mut self, pool: PoolId, address: &str, now: Timestamp) -> Option<u32> {
        match self.view(pool)?.place_of(address) {
            Some(place) => Some(place),
            None => self.claim(pool, address, now),
        }
    }

    /// An attempt goes to the endpoint of a place: one more in flight there. `None`, and counted as untracked, when the
    /// endpoint has no place or this VM may not count.
    pub fn begin(
        &mut self,
        pool: PoolId,
        place: Option<u32>,
        (scope, probe): (Scope, Option<Probe>),
        now: Timestamp,
    ) -> Option<Attempt> {
        let counted = place.filter(|_| self.may_count(now)).and_then(|place| {
            let gauge = self.view(pool)?.gauges(place)?.in_flight;
            gauge.add(&*self.host, 1).ok()?;
            self.shares.as_mut()?.raise(pool.0, place);
            self.write_share(pool, place);
            self.will_book(pool);
            Some(Attempt { pool, place, began: now, scope, probe, judged: false })
        });
        if counted.is_none() {
            self.counters.untracked.add(&*self.host, 1);
            probe.into_iter().for_each(|probe| self.give_back(probe, now));
        }
        counted
    }

    /// The first token of an attempt's answer has come: its time joins the mean.
    pub fn first_token(&self, attempt: &Attempt, now: Timestamp) {
        if let Some(gauges) = self.view(attempt.pool).and_then(|view| view.gauges(attempt.place)) {
            self.add_response_time(gauges, now.since(attempt.began));
        }
    }

    /// An attempt is over: one fewer in flight, its outcome joins the share of failures, and its circuits hear of it.
    /// A failure also counts as slow.
    #[allow(clippy::needless_pass_by_value, reason = "an attempt ends once: it is taken and not borrowed")]
    pub fn end(&mut self, attempt: Attempt, outcome: Outcome, now: Timestamp) {
        let Attempt { pool, place, began, judged, .. } = attempt;
        let may_count = self.may_count(now);
        if let Some(shares) = &mut self.shares {
            shares.lower(pool.0, place);
        }
        let Some(gauges) = self.view(pool).and_then(|view| view.gauges(place)) else { return };
        if may_count {
            gauges.in_flight.add(&*self.host, -1).ok();
            self.write_share(pool, place);
        }
        let took = now.since(began);
        let was_failing = match outcome {
            Outcome::Success => {
                gauges.successes.add(&*self.host, 1);
                self.add_outcome(gauges, 0)
            }
            Outcome::Failure(_) => {
                self.add_response_time(gauges, took.max(self.settings.failure_counts_as));
                self.add_outcome(gauges, 1000)
            }
            Outcome::Unanswered if micros(took) > gauges.ttft.read(&*self.host) => {
                self.add_response_time(gauges, took);
                false
            }
            Outcome::Unanswered | Outcome::Busy { .. } | Outcome::Unknown => false,
        };
        if !judged {
            self.judge(&attempt, outcome, was_failing, now);
        }
    }

    /// Adds to the share of failures; whether anything had failed there lately.
    fn add_outcome(&self, gauges: PlaceGauges, failed_permille: u64) -> bool {
        let old = gauges.failures.read(&*self.host);
        if old != failed_permille {
            gauges.failures.set(&*self.host, self.settings.failures.next(Some(old), failed_permille));
        }
        old > 0
    }

    fn add_response_time(&self, gauges: PlaceGauges, took: Duration) {
        let old = Some(gauges.ttft.read(&*self.host)).filter(|mean| *mean > 0);
        gauges.ttft.set(&*self.host, self.settings.response_time.next(old, micros(took).max(1)));
    }

    fn write_share(&self, pool: PoolId, place: u32) {
        if let Some(shares) = &self.shares {
            shares.write(&*self.host, pool.0, place);
        }
    }

    /// Learns of a pool, or takes in its table again.
    fn learn(&mut self, number: usize) -> Option<PoolId> {
        let (table, cas) = registry::read(&*self.host, number)?;
        if table.pool.is_empty() {
            return None;
        }
        if self.views.len() <= number {
            self.views.resize_with(number + 1, || None);
        }
        let view = self.views.get_mut(number)?;
        if view.is_none() {
            *view = View::new(&*self.host, PoolId(number), &table.pool).ok();
        }
        view.as_mut()?.take_in(&*self.host, table, cas);
        Some(PoolId(number))
    }

    /// Takes in a pool's table again, and works out what follows from it.
    fn look(&mut self, pool: PoolId, now: Timestamp) {
        self.learn(pool.0);
        self.work_out(pool, now);
    }

    /// Works out who may be chosen, from the table as it was taken in last.
    fn work_out(&mut self, pool: PoolId, now: Timestamp) {
        if let Some(view) = self.views.get_mut(pool.0).and_then(Option::as_mut) {
            view.look(&*self.host, now, &self.settings);
        }
    }

    fn claim(&mut self, pool: PoolId, address: &str, now: Timestamp) -> Option<u32> {
        let view = self.view(pool)?;
        let idle = |place| is_idle(&*self.host, view, place);
        let place =
            registry::claim_place(&*self.host, pool.0, address, now, self.settings.bounds, idle).ok()?;
        self.look(pool, now);
        self.view(pool)?.place_of(address).filter(|known| *known as usize == place)
    }

    /// Whether this VM may touch the gauges now; sees to it that it may.
    fn may_count(&mut self, now: Timestamp) -> bool {
        match &self.shares {
            Some(shares) if shares.is_safe(now) => return true,
            Some(_) => self.renew(now),
            // A clock that stepped back must not make this VM wait for it to catch up.
            None if self.asked <= now && now.since(self.asked) < ASK_AGAIN_AFTER => return false,
            None => {
                self.shares = Shares::take(&*self.host, self.holder, now);
                self.asked = now;
            }
        }
        self.shares.as_ref().is_some_and(|shares| shares.is_safe(now))
    }

    fn renew(&mut self, now: Timestamp) {
        let Some(shares) = &mut self.shares else { return };
        if shares.renew(&*self.host, now) || !shares.start_over(&*self.host, self.holder, now) {
            return;
        }
        log::warn!("the lease of this vm had run out; what it has in flight is counted again");
        for (pool, place, count) in shares.in_flight() {
            if let Some(gauges) = self.views.get(pool).and_then(|view| view.as_ref()?.gauges(place)) {
                gauges.in_flight.add(&*self.host, i64::from(count)).ok();
            }
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Only an idle place is handed on; one whose gauge is unknown counts as busy.
fn is_idle(host: &dyn Host, view: &View, place: usize) -> bool {
    u32::try_from(place)
        .ok()
        .and_then(|place| view.gauges(place))
        .is_some_and(|gauges| gauges.in_flight.read(host) == 0)
}
