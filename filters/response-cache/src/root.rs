//! One VM's response cache: its configuration, its mail, and what it does twice a second.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use spillway_caching::flight::Limits;
use spillway_host::{Gauge, Host, gauges_work, load};
use spillway_primitives::rng_from;

use crate::bodies::Bodies;
use crate::busy::Busy;
use crate::config::{CacheRule, Config};
use crate::counters::Counters;
use crate::flights;
use crate::http::Stream;
use crate::mail::Mail;
use crate::memory::Memory;
use crate::shared::Shared;
use crate::tier::Tier;

/// How often requests that have waited for too long are looked for.
const TICK: Duration = Duration::from_millis(500);

/// The root context: one per VM and configuration.
pub struct Root {
    host: Rc<dyn Host>,
    id: u32,
    shared: Option<Rc<Shared>>,
}

impl Root {
    /// A root context of that number, not configured yet.
    #[must_use]
    pub fn new(host: Rc<dyn Host>, id: u32) -> Self {
        Self { host, id, shared: None }
    }

    fn start(&self, configuration_bytes: usize) -> Result<Shared, Box<dyn std::error::Error>> {
        let host = &self.host;
        let config: Config = load(&**host, configuration_bytes)?;
        config.check()?;
        flights::create(&**host)?;
        let mail = Mail::open(&**host)?;
        let counters = Counters::define(&**host)?;
        if !gauges_work(&**host) {
            log::warn!(
                "gauges cannot be read back (stats_matcher?): no stale entry is served for a busy service"
            );
        }
        let bytes: Gauge = counters.memory_bytes;
        let memory = Memory::new(&**host, config.max_entries.get(), config.max_bytes.get(), bytes)?;
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let rng = rng_from(&[host.now().as_nanos(), mail.vm()]);
        host.set_tick(TICK)?;
        Ok(Shared {
            host: Rc::clone(host),
            root: self.id,
            pool: config.pool,
            tenants: config.tenant.in_lower_case(),
            release: config.release,
            release_header: config.release_header.to_ascii_lowercase(),
            bodies: Bodies::new(config.ignored_fields),
            by_host: config.by_host,
            keyed_headers: config.keyed_headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            max_body_bytes: size(config.max_body_bytes.get()),
            max_entry_bytes: size(config.max_entry_bytes.get()).min(memory.largest()),
            follower_timeout: Duration::from_millis(config.follower_timeout_ms.get()),
            limits: Limits {
                max_followers: size(config.max_followers.get()),
                lasts: Duration::from_millis(config.follower_timeout_ms.get()),
                ..Limits::default()
            },
            pass: Duration::from_millis(config.pass_ms.get()),
            debug_key: config.debug_key,
            rules: config.rules,
            default_rule: CacheRule::default(),
            mail,
            waiting: RefCell::default(),
            tier: config.tier.map(|tier| Tier::new(&tier, rng)),
            refreshes: RefCell::default(),
            busy: Busy::new(config.busy_permille.get()),
            memory,
            counters,
        })
    }

    pub(crate) fn configure(&mut self, configuration_bytes: usize) -> bool {
        match self.start(configuration_bytes) {
            Ok(shared) => {
                self.shared = Some(Rc::new(shared));
                true
            }
            Err(error) => {
                log::error!("response-cache: configuration refused: {error}");
                false
            }
        }
    }

    pub(crate) fn tick(&self) {
        self.shared.iter().for_each(|shared| shared.let_late_ones_go());
    }

    pub(crate) fn mail(&self, queue: u32) {
        self.shared.iter().filter(|shared| shared.mail.is(queue)).for_each(|shared| shared.wake());
    }

    pub(crate) fn answered(&self, token: u32, body_bytes: usize) {
        let Some(shared) = &self.shared else { return };
        let was_write = shared.tier.as_ref().is_some_and(|tier| tier.written(shared, token));
        if !was_write {
            shared.refreshed(token, body_bytes);
        }
    }

    pub(crate) fn stream(&self, id: u32) -> Stream {
        Stream::new(self.shared.clone(), id)
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
