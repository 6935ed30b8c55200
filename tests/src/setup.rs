//! What to start for a test.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use spillway_envoy::{FilterConfigs, Placement};
use tempfile::TempDir;

use crate::{CacheTier, Discovery, Envoy, Port, Spillway, Worker, parts, zones};

/// Nobody listens there: without a cache tier the response cache has Envoy's memory alone.
const NOBODYS_PORT: u16 = 1;

/// How often Envoy is started anew because a port was taken in the meantime.
const STARTS: usize = 3;

/// A change of the placed configuration.
type Edit = Box<dyn Fn(&mut Value)>;

/// Which builds of the filters are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    /// Those that are shipped.
    Shipped,
    /// Those that panic when a request asks them to.
    Chaos,
}

/// What to start: the shipped configuration of Envoy, placed on free ports, and inference workers behind it.
pub struct Setup {
    envoy_workers: u32,
    workers: usize,
    engine: Vec<OsString>,
    filters: Filters,
    edits: Vec<Edit>,
    listeners_from_file: bool,
    endpoints_from_file: bool,
    cache_tier_port: u16,
    /// Of workers that another has started.
    others: Vec<SocketAddr>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("workers", &self.workers)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

fn change(config: &mut Value, name: &str, change: &Value) {
    let mut own = config.filter_config(name).unwrap();
    own.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    config.set_filter_config(name, &own).unwrap();
}

impl Setup {
    /// Three inference workers whose simulated engine is quick, behind that many Envoy workers.
    #[must_use]
    pub fn new(envoy_workers: u32) -> Self {
        let quick = "--engine simulated --slots 64 --queue-requests 1000 --base-latency-ms 2 \
                     --prefill-tokens-per-s 100000 --decode-tokens-per-s 2000 --headers-first";
        Self {
            envoy_workers,
            workers: 3,
            engine: quick.split_whitespace().map(OsString::from).collect(),
            filters: Filters::Shipped,
            // Whether a request waits for its turn is nothing that tests of other parts count on.
            edits: vec![Box::new(|config| {
                change(config, "load-shedder", &json!({ "rules": [{ "mode": "off" }] }));
            })],
            listeners_from_file: false,
            endpoints_from_file: false,
            cache_tier_port: NOBODYS_PORT,
            others: Vec::new(),
        }
    }

    /// So many inference workers.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// No inference workers of its own, but those of another, as two gateways have them.
    #[must_use]
    pub fn before_workers_of(mut self, other: &Spillway) -> Self {
        self.workers = 0;
        self.others = other.workers.iter().map(Worker::address).collect();
        self
    }

    /// Inference workers with these options.
    #[must_use]
    pub fn engine(mut self, options: &str) -> Self {
        self.engine = options.split_whitespace().map(OsString::from).collect();
        self
    }

    /// Inference workers with the real models, and these options.
    #[must_use]
    pub fn model(mut self, options: &str) -> Self {
        self.engine = vec!["--model-file".into(), parts::model().into()];
        self.engine.extend(["--embedding-model-dir".into(), parts::embedding_model().into()]);
        self.engine.extend(options.split_whitespace().map(OsString::from));
        self
    }

    /// Other builds of the filters.
    #[must_use]
    pub fn filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Changes a filter's configuration: each field of `change` replaces the one of that name.
    ///
    /// # Panics
    ///
    /// When `change` is not an object.
    #[must_use]
    pub fn filter(self, name: &'static str, change: Value) -> Self {
        self.edit(move |config| self::change(config, name, &change))
    }

    /// The load-shedder works, with this changed in its configuration; else it is off.
    #[must_use]
    pub fn sheds(self, change: Value) -> Self {
        self.filter("load-shedder", json!({ "rules": [] })).filter("load-shedder", change)
    }

    /// The inference workers stand in these zones: one name for each, in their order. Not for endpoints from a file.
    #[must_use]
    pub fn zones(self, zones: &[&str]) -> Self {
        let zones: Vec<_> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        self.edit(move |config| zones::place(config, &zones))
    }

    /// Envoy stands in this zone.
    #[must_use]
    pub fn local_zone(self, zone: &str) -> Self {
        let zone = zone.to_owned();
        self.edit(move |config| zones::settle(config, &zone))
    }

    /// Changes Envoy's configuration after it was placed.
    #[must_use]
    pub fn edit(mut self, edit: impl Fn(&mut Value) + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// The response cache asks this cache tier.
    #[must_use]
    pub fn cache_tier(mut self, tier: &CacheTier) -> Self {
        self.cache_tier_port = tier.address().port();
        self
    }

    /// Listeners come from a file, by LDS.
    #[must_use]
    pub fn listeners_from_file(mut self) -> Self {
        self.listeners_from_file = true;
        self
    }

    /// The endpoints of cluster `inference` come from a file, by EDS.
    #[must_use]
    pub fn endpoints_from_file(mut self) -> Self {
        self.endpoints_from_file = true;
        self
    }

    /// Starts everything and waits until the workers are ready, Envoy serves, and the picker knows the workers.
    ///
    /// # Panics
    ///
    /// When something does not start.
    pub async fn start(&self) -> Spillway {
        let mut spillway = self.start_unsettled().await;
        spillway.until_eligible("inference", self.workers + self.others.len()).await;
        spillway
    }

    /// Starts everything and waits until the workers are ready and Envoy serves.
    ///
    /// # Panics
    ///
    /// When something does not start.
    pub async fn start_unsettled(&self) -> Spillway {
        let mut spillway = self.try_start().await;
        for _ in 1..STARTS {
            if spillway.envoy.until_ready().await {
                return spillway;
            }
            assert!(spillway.envoy.log().contains("Address already in use"), "envoy does not start");
            spillway = self.try_start().await;
        }
        assert!(spillway.envoy.until_ready().await, "envoy does not start");
        spillway
    }

    /// Starts the workers, and Envoy, which may not like its configuration.
    ///
    /// # Panics
    ///
    /// When a worker does not get ready.
    pub async fn try_start(&self) -> Spillway {
        let folder = TempDir::with_prefix("spillway-").unwrap();
        let start = |number| Worker::start(number, self.engine.clone(), folder.path());
        let mut workers: Vec<_> = (0..self.workers).map(start).collect();
        for worker in &mut workers {
            worker.until_ready().await;
        }
        let [api, admin] = [Port::free(), Port::free()];
        let discovery = Discovery::new(folder.path());
        let config = self.config(&api, &admin, &workers);
        let started = self.with_discovery(config.clone(), &workers, &discovery);
        let envoy = Envoy::start(&started, admin.address(), self.envoy_workers, folder.path());
        Spillway::new(config, api, admin, envoy, workers, discovery, folder)
    }

    fn config(&self, api: &Port, admin: &Port, workers: &[Worker]) -> Value {
        let placement = Placement {
            api_port: api.number(),
            admin_port: admin.number(),
            cache_tier_port: self.cache_tier_port,
            filters_dir: self.filters_dir(),
            workers: workers.iter().map(Worker::address).chain(self.others.iter().copied()).collect(),
        };
        let mut config = placement.render().unwrap();
        config["node"] = json!({ "id": "test", "cluster": "test" });
        self.edits.iter().for_each(|edit| edit(&mut config));
        config
    }

    fn with_discovery(&self, mut config: Value, workers: &[Worker], discovery: &Discovery) -> Value {
        if self.listeners_from_file {
            discovery.take_listeners(&mut config);
        }
        if self.endpoints_from_file {
            let addresses: Vec<_> = workers.iter().map(Worker::address).collect();
            discovery.take_endpoints(&mut config, "inference", &addresses);
        }
        config
    }

    fn filters_dir(&self) -> PathBuf {
        match self.filters {
            Filters::Shipped => parts::filters(),
            Filters::Chaos => parts::chaos_filters(),
        }
    }
}
