//! One VM's picker: its configuration, its view of the pools, and what it does once a second.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use spillway_contract::metrics::filter_metric;
use spillway_host::{Counter, Host, HostError, Rule, gauges_work, load, paths};
use spillway_pool::{PoolId, Pools};
use spillway_primitives::{Rng, rng_from};
use spillway_routing::decision::Policy;

use crate::Config;
use crate::ask::Asking;
use crate::config::size;
use crate::http::Stream;
use crate::membership::Source;
use crate::pick::Reason;

/// What all streams of a VM share.
pub(crate) struct Shared {
    pub(crate) host: Rc<dyn Host>,
    pub(crate) pools: RefCell<Pools>,
    pub(crate) rng: RefCell<Rng>,
    pub(crate) policy: Policy,
    pub(crate) asking: Asking,
    /// The pool of every request; `None` where it is to be read from Envoy.
    pub(crate) only_pool: Option<PoolId>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) debug_header: bool,
    pub(crate) gauges_work: bool,
    pub(crate) counters: Counters,
}

/// What is counted.
pub(crate) struct Counters {
    decisions: BTreeMap<Reason, Counter>,
    pub(crate) long_bodies: Counter,
}

impl Counters {
    fn define(host: &dyn Host) -> Result<Self, HostError> {
        let counter = |noun: &str| Counter::define(host, &filter_metric("endpoint-picker", noun));
        let decisions = Reason::ALL
            .into_iter()
            .map(|reason| Ok((reason, counter(&format!("{}_total", reason.as_str()))?)));
        Ok(Self {
            decisions: decisions.collect::<Result<_, HostError>>()?,
            long_bodies: counter("long_bodies_total")?,
        })
    }

    pub(crate) fn count(&self, host: &dyn Host, reason: Reason) {
        if let Some(counter) = self.decisions.get(&reason) {
            counter.add(host, 1);
        }
    }
}

/// The root context: one per VM and configuration.
pub struct Root {
    host: Rc<dyn Host>,
    running: Option<Running>,
}

struct Running {
    shared: Rc<Shared>,
    source: Source,
}

impl Root {
    /// A root context that is not configured yet.
    #[must_use]
    pub fn new(host: Rc<dyn Host>) -> Self {
        Self { host, running: None }
    }

    fn start(&self, configuration_bytes: usize) -> Result<Running, Box<dyn std::error::Error>> {
        let host = &self.host;
        let config: Config = load(&**host, configuration_bytes)?;
        let gauges_work = gauges_work(&**host);
        if !gauges_work {
            log::error!("gauges cannot be read back (stats_matcher?); envoy's own policy chooses endpoints");
        }
        let zone = host.property(paths::ZONE).ok().flatten();
        let zone = zone.and_then(|zone| String::from_utf8(zone).ok()).unwrap_or_default();
        let mut pools = Pools::new(Rc::clone(host), config.books(zone))?;
        let source = Source::new(&**host, &config.membership, pools.holder())?;
        for name in config.pools.iter().chain(&source.pools()) {
            if pools.pool(name).is_none() {
                log::error!("pool {name} has no room: at most 16 pools in one envoy");
            }
        }
        let only_pool = if config.only_pool.is_empty() { None } else { pools.pool(&config.only_pool) };
        host.set_tick(source.interval())?;
        let rng = rng_from(&[host.now().as_nanos(), pools.holder()]);
        let shared = Shared {
            host: Rc::clone(host),
            pools: RefCell::new(pools),
            rng: RefCell::new(rng),
            policy: config.policy(),
            asking: Asking {
                reads_bodies: config.reads_bodies(),
                prefix_tokens: size(config.affinity.prefix_tokens.get()),
                session_header: config.affinity.header.to_ascii_lowercase(),
                max_body_bytes: size(config.max_body_bytes.get()),
            },
            only_pool,
            rules: config.rules,
            debug_header: config.debug_header,
            gauges_work,
            counters: Counters::define(&**host)?,
        };
        Ok(Running { shared: Rc::new(shared), source })
    }

    pub(crate) fn configure(&mut self, configuration_bytes: usize) -> bool {
        match self.start(configuration_bytes) {
            Ok(running) => {
                self.running = Some(running);
                self.look();
                true
            }
            Err(error) => {
                log::error!("endpoint-picker: configuration refused: {error}");
                false
            }
        }
    }

    /// Takes in what is known already. On configuration no call-out can be made yet: it would never be answered.
    fn look(&mut self) {
        let Some(Running { shared, source }) = &mut self.running else { return };
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return };
        let now = self.host.now();
        pools.tick(now);
        source.set_static(&mut pools, now);
    }

    pub(crate) fn tick(&mut self) {
        self.look();
        if let Some(Running { source: Source::Admin(poll), .. }) = &mut self.running {
            poll.tick(&*self.host, self.host.now());
        }
    }

    pub(crate) fn answered(&mut self, token: u32, body_bytes: usize) {
        let Some(Running { shared, source: Source::Admin(poll) }) = &mut self.running else { return };
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return };
        poll.answered(&*self.host, &mut pools, token, body_bytes, self.host.now());
    }

    pub(crate) fn stream(&self) -> Stream {
        Stream::new(self.running.as_ref().map(|running| Rc::clone(&running.shared)))
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_bytes: usize, _trailers: usize) {
        self.answered(token, body_bytes);
    }
}

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
