//! The proxies that are compared, and what is sent to them.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::load::{Arrivals, Load, Report, Until};
use spillway_harness::{MODEL, Setup, Spillway};
use std::time::Duration;

use crate::cost::{chat, measured};
use crate::overhead::{edited, prepare, remove_filter, without_filters};

const ROUTES: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config\
                      /virtual_hosts/0/routes";
const LISTENER_LIMIT: &str = "/static_resources/listeners/0/per_connection_buffer_limit_bytes";

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// No filter; `least_request`.
    Bare,
    /// The shipped chain.
    Cache,
    /// The response cache and no other filter.
    CacheAlone,
    /// Envoy answers by itself, from its route.
    Direct,
}

impl Proxy {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare Envoy, proxying",
            Self::Cache => "the shipped chain, a hit",
            Self::CacheAlone => "response-cache alone, a hit",
            Self::Direct => "bare Envoy, direct_response",
        }
    }

    pub(super) const fn caches(self) -> bool {
        matches!(self, Self::Cache | Self::CacheAlone)
    }

    /// Starts it in front of these endpoints.
    pub(super) async fn start(self, upstreams: Vec<SocketAddr>, cache: Value) -> Spillway {
        let setup =
            edited(Setup::new(1).workers(0), self.name(), move |config| self.place(config, &upstreams));
        let setup = if self.caches() {
            setup.filter("response-cache", json!({ "tier": null })).filter("response-cache", cache)
        } else {
            setup
        };
        setup.start_unsettled().await
    }

    fn place(self, config: &mut Value, upstreams: &[SocketAddr]) -> Result<()> {
        prepare(config, upstreams)?;
        if let Some(limit) = config.pointer_mut(LISTENER_LIMIT) {
            *limit = json!(16 << 20);
        }
        match self {
            Self::Cache => Ok(()),
            Self::CacheAlone => remove_filter(config, "endpoint-picker"),
            Self::Bare => without_filters(config),
            Self::Direct => {
                without_filters(config)?;
                let body = json!({ "inline_string": "x".repeat(300) });
                let route = json!([{
                    "match": { "prefix": "/" },
                    "direct_response": { "status": 200, "body": body },
                }]);
                *config.pointer_mut(ROUTES).context("no routes")? = route;
                Ok(())
            }
        }
    }
}

/// What is sent again and again.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    /// A GET without a body: Envoy closes the connection when it answers before it has read one.
    NoBody,
    /// The same bytes each time.
    Same(Bytes),
    /// The same request each time, but never the same bytes.
    Rewritten(Bytes),
}

/// The same request with another `user`, which does not go into its key.
fn rewritten(body: &Bytes, number: u64) -> Bytes {
    let members = body.strip_prefix(b"{").unwrap_or_default();
    [format!("{{\"user\":\"{number}\",").as_bytes(), members].concat().into()
}

/// A deterministic chat request of about that size.
pub(super) fn body(number: u64, bytes: usize) -> Bytes {
    let filling = "Tell me about it. ".repeat(bytes / 18);
    let message = format!("{number}: {filling}");
    json!({ "model": MODEL, "temperature": 0, "messages": [{ "role": "user", "content": message }] })
        .to_string()
        .into()
}

/// Loads a proxy for a while; what came of it, and microseconds of Envoy's CPU per request.
pub(super) async fn load(
    spillway: &Spillway,
    arrivals: Arrivals,
    until: Duration,
    sent: &Sent,
) -> Result<(Report, f64)> {
    let sent = sent.clone();
    let make = move |number| match &sent {
        Sent::NoBody => Request::get("/").body(Full::default()).unwrap_or_default(),
        Sent::Same(body) => chat(body.clone()),
        Sent::Rewritten(body) => chat(rewritten(body, number)),
    };
    let load = Load::new(&spillway.client, arrivals, Until::Elapsed(until), make);
    let (report, each) = measured(spillway, load).await?;
    ensure!(report.failures() == 0 && !report.samples.is_empty(), "answers: {:?}", report.statuses());
    Ok((report, each))
}
