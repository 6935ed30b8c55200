//! One VM's circuit-breaker: its configuration, the books, and what it does once a second.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use spillway_contract::metrics::filter_metric;
use spillway_host::{Counter, Host, Rule, gauges_work, load};
use spillway_pool::{Outcome, PoolId, Pools};

use crate::Config;
use crate::attempt::Stream;

/// How often leases are renewed and tables looked at.
const TICK: Duration = Duration::from_secs(1);

/// What all streams of a VM share.
pub(crate) struct Shared {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) pools: RefCell<Pools>,
    /// The pool of every attempt; `None` where it is to be read from Envoy.
    pub(crate) pool: Option<PoolId>,
    pub(crate) rules: Vec<Rule>,
    outcomes: BTreeMap<Outcome, Counter>,
}

impl Shared {
    pub(crate) fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.outcomes.get(&outcome) {
            counter.add(&*self.host, 1);
        }
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
        if !gauges_work(&**host) {
            log::error!("gauges cannot be read back (stats_matcher?); attempts are not booked");
            return Ok(None);
        }
        let mut pools = Pools::new(Rc::clone(host), config.books())?;
        let pool = if config.pool.is_empty() { None } else { pools.pool(&config.pool) };
        if let Some(pool) = pool {
            pools.will_book(pool);
        }
        let mut outcomes = BTreeMap::new();
        for outcome in Outcome::ALL {
            let name = filter_metric("circuit-breaker", &format!("attempts_{}_total", outcome.as_str()));
            outcomes.insert(outcome, Counter::define(&**host, &name)?);
        }
        host.set_tick(TICK)?;
        Ok(Some(Shared {
            host: Rc::clone(host),
            pools: RefCell::new(pools),
            pool,
            rules: config.rules,
            outcomes,
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
