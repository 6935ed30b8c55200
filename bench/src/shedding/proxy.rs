//! The proxies that are compared.

use anyhow::Result;
use serde_json::{Value, json};
use spillway_harness::{Setup, Spillway};

use super::pool;
use crate::overhead::{edited, http_filters, without_filters};

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// The shipped chain, with the load-shedder.
    Spillway,
    /// Envoy's own filter against overload, with the values of its documentation.
    AdaptiveConcurrency,
    /// No filter; `least_request`.
    Plain,
}

impl Proxy {
    pub(super) const ALL: [Self; 3] = [Self::Spillway, Self::AdaptiveConcurrency, Self::Plain];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spillway => "load-shedder",
            Self::AdaptiveConcurrency => "adaptive_concurrency",
            Self::Plain => "plain Envoy",
        }
    }

    /// Starts it, with workers of its own and with this changed in the load-shedder's configuration.
    pub(super) async fn start(self, shedder: &Value) -> Spillway {
        let setup = setup();
        if self == Self::Spillway {
            return with_shedder(setup, shedder).await;
        }
        edited(setup, self.name(), move |config| self.place(config)).start_unsettled().await
    }

    fn place(self, config: &mut Value) -> Result<()> {
        without_filters(config)?;
        if self == Self::AdaptiveConcurrency {
            http_filters(config)?.insert(0, adaptive_concurrency());
        }
        Ok(())
    }
}

/// A second Envoy with the load-shedder, before the same workers.
pub(super) async fn beside(first: &Spillway, shedder: &Value) -> Spillway {
    with_shedder(setup().before_workers_of(first), shedder).await
}

fn setup() -> Setup {
    let workers = usize::try_from(pool::WORKERS).unwrap_or_default();
    Setup::new(2).workers(workers).engine(&pool::engine())
}

async fn with_shedder(setup: Setup, shedder: &Value) -> Spillway {
    let setup = setup.sheds(json!({ "trust_priority_header": true })).filter("load-shedder", shedder.clone());
    let spillway = setup.start().await;
    spillway.until_booked("inference").await;
    spillway
}

fn adaptive_concurrency() -> Value {
    json!({
        "name": "envoy.filters.http.adaptive_concurrency",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency",
            "gradient_controller_config": {
                "sample_aggregate_percentile": { "value": 90 },
                "concurrency_limit_params": { "concurrency_update_interval": "0.1s" },
                "min_rtt_calc_params": {
                    "jitter": { "value": 10 },
                    "interval": "60s",
                    "request_count": 50
                }
            },
            "enabled": { "default_value": true, "runtime_key": "adaptive_concurrency.enabled" }
        }
    })
}
