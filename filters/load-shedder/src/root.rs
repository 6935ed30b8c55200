//! One VM's shedder: its configuration, its mail, and what it does ten times a second.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use spillway_host::{Host, gauges_work, load};
use spillway_pool::Pools;
use spillway_primitives::{Timestamp, rng_from};
use spillway_shedding::control::Update;
use spillway_shedding::limit::Reported;

use crate::budgets::Budgets;
use crate::classes::Classes;
use crate::config::{Config, ShedRule, millis, size};
use crate::counters::Counters;
use crate::exchange::Exchange;
use crate::http::Stream;
use crate::mail::Mail;
use crate::pool::{Pool, Rules, Workers};
use crate::refusal::Texts;
use crate::shared::Shared;
use crate::waiting::Waiting;

/// How often what is seen here is told to the others, and what they saw is learnt.
const TICK: Duration = Duration::from_millis(100);
/// How often the books of endpoints are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The root context: one per VM and configuration.
pub struct Root {
    host: Rc<dyn Host>,
    id: u32,
    running: Option<Running>,
}

struct Running {
    shared: Rc<Shared>,
    books: Pools,
    /// What the inference workers of each pool say, as of the last look.
    workers: Vec<Workers>,
    looked: Timestamp,
    report_lasts: Duration,
}

impl Root {
    /// A root context of that number, not configured yet.
    #[must_use]
    pub fn new(host: Rc<dyn Host>, id: u32) -> Self {
        Self { host, id, running: None }
    }

    /// `None` where nobody could say how much is admitted: then the filter stands aside.
    fn start(&self, configuration_bytes: usize) -> Result<Option<Running>, Box<dyn std::error::Error>> {
        let host = &self.host;
        let config: Config = load(&**host, configuration_bytes)?;
        let levels = config.check()?;
        for field in config.unreachable(&levels) {
            log::warn!("load-shedder: {field}: no consumer, no rule and no client gets this level");
        }
        if !gauges_work(&**host) {
            log::error!("load-shedder: gauges cannot be read back (stats_matcher?); everything is admitted");
            return Ok(None);
        }
        let names = config.pools();
        let mail = Mail::open(&**host)?;
        let rng = rng_from(&[host.now().as_nanos(), mail.vm()]);
        let mut books = Pools::new(Rc::clone(host), spillway_pool::Settings::default())?;
        let mut pools = Vec::new();
        for name in &names {
            let id =
                books.pool(name).ok_or_else(|| format!("pools: {name}, expected at most 16 in one envoy"))?;
            pools.push(Pool::new(&**host, id.number(), name, &levels)?);
        }
        let shared = Some(&config.shared_budgets).filter(|shared| shared.are_shared());
        let exchange = shared.map(|shared| Exchange::new(&**host, shared, mail.vm())).transpose()?;
        host.set_tick(TICK)?;
        let shared = Shared {
            host: Rc::clone(host),
            root: self.id,
            only_pool: names.iter().position(|name| *name == config.only_pool),
            rules: Rules {
                settings: config.control(),
                reserve: config.reserve(),
                retry_after: config.retry_after.settings(),
            },
            max_wait: millis(config.max_wait_ms.get()),
            timeout_header: config.timeout_header.to_ascii_lowercase(),
            max_body_bytes: size(config.max_body_bytes.get()),
            budgets: Budgets::new(&**host, config.budgets_dry_run, exchange)?,
            texts: Texts::new(&levels),
            counters: Counters::define(&**host, &levels)?,
            classes: Classes::new(&config, levels),
            pools: RefCell::new(pools),
            shed_rules: config.rules,
            default_rule: ShedRule::default(),
            mail,
            waiting: RefCell::new(Waiting::default()),
            let_go: RefCell::default(),
            rng: RefCell::new(rng),
            notices: RefCell::default(),
        };
        Ok(Some(Running {
            shared: Rc::new(shared),
            books,
            workers: vec![Workers::default(); names.len()],
            looked: Timestamp::ZERO,
            report_lasts: millis(config.limit.report_lasts_ms.get()),
        }))
    }

    pub(crate) fn configure(&mut self, configuration_bytes: usize) -> bool {
        match self.start(configuration_bytes) {
            Ok(running) => {
                self.running = running;
                self.tick();
                true
            }
            Err(error) => {
                log::error!("load-shedder: configuration refused: {error}");
                false
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        let Some(running) = &mut self.running else { return };
        let now = self.host.now();
        running.look(now);
        running.tick(now);
        running.shared.look_after_waiting();
        running.shared.budgets.tick(&*self.host, &running.shared.counters, now);
    }

    pub(crate) fn mail(&self, queue: u32) {
        let shared = self.running.iter().map(|running| &running.shared);
        shared.filter(|shared| shared.mail.is(queue)).for_each(|shared| shared.wake());
    }

    pub(crate) fn answered(&self, token: u32, body_bytes: usize) {
        if let Some(Running { shared, .. }) = &self.running {
            shared.budgets.answered(&*self.host, &shared.counters, token, body_bytes);
        }
    }

    /// The queue of this VM's mailbox.
    #[cfg(test)]
    pub(crate) fn queue(&self) -> u32 {
        self.running.as_ref().unwrap().shared.mail.queue()
    }

    pub(crate) fn stream(&self, id: u32) -> Stream {
        Stream::new(self.running.as_ref().map(|running| Rc::clone(&running.shared)), id)
    }
}

impl Running {
    /// Once a second: what the books say of the inference workers.
    fn look(&mut self, now: Timestamp) {
        if self.looked <= now && now.since(self.looked) < LOOK {
            return;
        }
        self.looked = now;
        self.books.tick(now);
        let Ok(pools) = self.shared.pools.try_borrow() else { return };
        for (workers, pool) in self.workers.iter_mut().zip(pools.iter()) {
            let id = self.books.pool(&pool.name);
            let view = id.and_then(|id| self.books.view(id));
            let load = view.and_then(|view| view.reported_load(&*self.shared.host, now, self.report_lasts));
            *workers = load.map_or_else(Workers::default, |load| Workers {
                reported: Some(Reported { slots: load.slots, running: load.running, waiting: load.waiting }),
                kv_cache: Some(f64::from(load.kv_cache_permille) / 1000.0),
                gpu_permille: load.gpu_permille,
            });
        }
    }

    fn tick(&self, now: Timestamp) {
        let shared = &*self.shared;
        let (host, vm) = (&*shared.host, shared.mail.vm());
        let Ok(mut pools) = shared.pools.try_borrow_mut() else { return };
        let Ok(mut rng) = shared.rng.try_borrow_mut() else { return };
        for (pool, workers) in pools.iter_mut().zip(&self.workers) {
            let ticked = pool.tick(host, (vm, *workers), now, (&shared.rules, &mut rng));
            if let Some(update) = &ticked.update {
                self.say(&pool.name, update);
            }
            if let Some(seen) = ticked.seen.filter(|seen| seen.repaired != 0) {
                let repaired = seen.repaired.unsigned_abs();
                shared.counters.repaired.add(host, u32::try_from(repaired).unwrap_or(u32::MAX));
                log::warn!("{} permits of pool {} were nobody's any more", seen.repaired, pool.name);
            }
        }
    }

    /// What is done about overload, and why, when that changes.
    fn say(&self, pool: &str, update: &Update) {
        let (before, step) = update.step;
        if before == step {
            return;
        }
        self.shared.counters.step_changes.add(&*self.shared.host, 1);
        let signal = update.signal.map_or("none", |signal| signal.as_str());
        log::info!(
            "pool {pool}: step {} {} after {} {}, overload {} by {signal}, limit {}",
            step.as_str(),
            step.refused(),
            before.as_str(),
            before.refused(),
            update.overload,
            update.limit.1,
        );
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

    fn on_queue_ready(&mut self, queue: u32) {
        self.mail(queue);
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(self.stream(context)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
