//! One VM's circuit-breaker: its configuration, the books, and what it does once a second.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use spillway_breaker::TimeLimits;
use spillway_contract::metrics::filter_metric;
use spillway_host::{Counter, Host, HostError, Rule, gauges_work, load};
use spillway_inference::facts::Facts;
use spillway_pool::{Outcome, PoolId, Pools};

use crate::Config;
use crate::attempt::Stream;
use crate::failures::Failures;
use crate::open::Open;
use crate::reports::Reports;

/// How often leases are renewed, tables looked at, and attempts that are too late found.
const TICK: Duration = Duration::from_secs(1);

/// What all streams of a VM share.
pub(crate) struct Shared {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) pools: RefCell<Pools>,
    pub(crate) open: RefCell<Open>,
    /// The pool of every attempt; `None` where it is to be read from Envoy.
    pub(crate) pool: Option<PoolId>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) failures: Failures,
    pub(crate) limits: Option<TimeLimits>,
    pub(crate) not_ready: Duration,
    pub(crate) counters: Counters,
    pub(crate) reports: Option<RefCell<Reports>>,
    request_facts: bool,
}

/// What is counted.
pub(crate) struct Counters {
    outcomes: BTreeMap<&'static str, Counter>,
    pub(crate) probes: Counter,
    pub(crate) refused: Counter,
    pub(crate) refused_observed: Counter,
    late: Counter,
}

impl Counters {
    fn define(host: &dyn Host) -> Result<Self, HostError> {
        let counter = |noun: &str| Counter::define(host, &filter_metric("circuit-breaker", noun));
        let outcomes =
            Outcome::WORDS.into_iter().map(|word| Ok((word, counter(&format!("attempts_{word}_total"))?)));
        Ok(Self {
            outcomes: outcomes.collect::<Result<_, HostError>>()?,
            probes: counter("probes_total")?,
            refused: counter("refused_total")?,
            refused_observed: counter("refused_observed_total")?,
            late: counter("late_first_tokens_total")?,
        })
    }
}

impl Shared {
    pub(crate) fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.counters.outcomes.get(outcome.as_str()) {
            counter.add(&*self.host, 1);
        }
    }

    /// What another filter has found out about the request.
    pub(crate) fn facts(&self) -> Option<Facts> {
        if self.request_facts { spillway_facts::known(&*self.host) } else { None }
    }
}

/// The root context: one per VM and configuration.
pub struct Root {
    host: Rc<dyn Host>,
    /// `None` until it is configured, and where gauges do not work.
    shared: Option<Rc<Shared>>,
}

impl Root {
    /// A root context that is not configured yet.
    #[must_use]
    pub fn new(host: Rc<dyn Host>) -> Self {
        Self { host, shared: None }
    }

    fn start(&self, configuration_bytes: usize) -> Result<Option<Shared>, Box<dyn std::error::Error>> {
        let host = &self.host;
        let config: Config = load(&**host, configuration_bytes)?;
        config.check()?;
        if !gauges_work(&**host) {
            log::error!(
                "gauges cannot be read back (stats_matcher?); attempts are not booked, circuits stay closed"
            );
            return Ok(None);
        }
        let mut pools = Pools::new(Rc::clone(host), config.books())?;
        let pool = if config.pool.is_empty() { None } else { pools.pool(&config.pool) };
        if let Some(pool) = pool {
            pools.will_book(pool);
        }
        host.set_tick(TICK)?;
        let limits = config.time_limits().filter(|_| config.failures.late_first_tokens);
        Ok(Some(Shared {
            host: Rc::clone(host),
            pools: RefCell::new(pools),
            open: RefCell::default(),
            pool,
            limits,
            not_ready: Duration::from_millis(config.not_ready_ms.get()),
            counters: Counters::define(&**host)?,
            reports: config.load_reports.then(RefCell::default),
            request_facts: config.request_facts,
            failures: config.failures,
            rules: config.rules,
        }))
    }

    pub(crate) fn configure(&mut self, configuration_bytes: usize) -> bool {
        match self.start(configuration_bytes) {
            Ok(shared) => {
                self.shared = shared.map(Rc::new);
                self.tick();
                true
            }
            Err(error) => {
                log::error!("circuit-breaker: configuration refused: {error}");
                false
            }
        }
    }

    pub(crate) fn tick(&self) {
        let Some(shared) = &self.shared else { return };
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return };
        let now = self.host.now();
        pools.tick(now);
        pools.mark_booked(now);
        if let Ok(mut open) = shared.open.try_borrow_mut() {
            shared.counters.late.add(&*self.host, open.look(&mut pools, now));
        }
    }

    pub(crate) fn stream(&self) -> Stream {
        Stream::new(self.shared.clone())
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, configuration_bytes: usize) -> bool {
        self.configure(configuration_bytes)
    }

    fn on_tick(&mut self) {
        self.tick();
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(self.stream()))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
