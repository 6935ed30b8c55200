//! The proxies that are compared: the shipped configuration with its filters, with empty ones, and with none.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spillway_envoy::FilterConfigs;
use spillway_harness::{Setup, filters};

/// One proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// No filter; `least_request`.
    Bare,
    /// Two filters that do nothing, with the same callbacks in the same places.
    Empty,
    /// endpoint-picker and circuit-breaker as shipped.
    Spillway,
    /// The same, with the callbacks that they do not implement left in.
    Unpruned,
}

const CONNECTION_MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const CLUSTER: &str = "/static_resources/clusters/0";
const UPSTREAM_FILTERS: &str =
    "/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions/http_filters";

impl Variant {
    pub(super) const ALL: [Self; 4] = [Self::Bare, Self::Empty, Self::Spillway, Self::Unpruned];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare Envoy, least_request",
            Self::Empty => "two empty filters",
            Self::Spillway => "endpoint-picker and circuit-breaker",
            Self::Unpruned => "the same, unused exports left in",
        }
    }

    /// Whether it picks and books.
    pub(super) const fn works(self) -> bool {
        matches!(self, Self::Spillway | Self::Unpruned)
    }

    /// Makes the placed configuration this variant's. Access logs are off in all: they cost, and not because of the
    /// filters. So are health checks: they are requests of Envoy's own.
    pub(super) fn apply(self, config: &mut Value, upstreams: &[SocketAddr]) -> Result<()> {
        prepare(config, upstreams)?;
        // What these cost and what they save is measured by itself.
        remove_filter(config, "response-cache")?;
        remove_filter(config, "load-shedder")?;
        match self {
            Self::Spillway => Ok(()),
            Self::Unpruned => {
                load_instead(config, "unpruned/endpoint-picker.wasm", "unpruned/circuit-breaker.wasm")
            }
            Self::Empty => load_instead(config, "empty-at-listener.wasm", "empty-at-upstream.wasm"),
            Self::Bare => without_filters(config),
        }
    }
}

/// Changes the configuration that a proxy of this name is started with. What cannot be changed is said, and shows in what
/// is measured.
pub(crate) fn edited(
    setup: Setup,
    name: &'static str,
    edit: impl Fn(&mut Value) -> Result<()> + 'static,
) -> Setup {
    setup.edit(move |config| {
        if let Err(error) = edit(config) {
            eprintln!("{name}: {error}");
        }
    })
}

/// The listener's filters in a placed configuration.
pub(crate) fn http_filters(config: &mut Value) -> Result<&mut Vec<Value>> {
    let list = format!("{CONNECTION_MANAGER}/http_filters");
    config.pointer_mut(&list).and_then(Value::as_array_mut).context("no list of filters")
}

/// Puts these endpoints behind a placed configuration, and takes out what costs without being a filter.
pub(crate) fn prepare(config: &mut Value, upstreams: &[SocketAddr]) -> Result<()> {
    quieten(config)?;
    let endpoints = config
        .pointer_mut(CLUSTER)
        .and_then(|cluster| cluster.pointer_mut("/load_assignment/endpoints/0/lb_endpoints"));
    *endpoints.context("the cluster has no endpoints")? = upstreams.iter().map(endpoint).collect();
    Ok(())
}

/// Takes out what costs without being a filter: access logs and health checks.
pub(crate) fn quieten(config: &mut Value) -> Result<()> {
    let manager = config.pointer_mut(CONNECTION_MANAGER).and_then(Value::as_object_mut);
    manager.context("the configuration has no connection manager")?.remove("access_log");
    let cluster = config.pointer_mut(CLUSTER).context("the configuration has no cluster")?;
    cluster.as_object_mut().context("the cluster is no object")?.remove("health_checks");
    Ok(())
}

fn endpoint(address: &SocketAddr) -> Value {
    let socket = json!({ "address": address.ip().to_string(), "port_value": address.port() });
    json!({ "endpoint": { "address": { "socket_address": socket } } })
}

fn load_instead(config: &mut Value, picker: &str, breaker: &str) -> Result<()> {
    load_module(config, "endpoint-picker", picker)?;
    load_module(config, "circuit-breaker", breaker)
}

/// Loads another module in a plugin's place.
pub(crate) fn load_module(config: &mut Value, plugin: &str, module: &str) -> Result<()> {
    let module = filters().join(module);
    ensure!(module.exists(), "{} is missing: run `cargo xtask bench`", module.display());
    let place = config.plugin(plugin)?.pointer_mut("/vm_config/code/local/filename");
    *place.context("no module to replace")? = json!(module);
    Ok(())
}

/// Takes one filter out of the listener's chain.
pub(crate) fn remove_filter(config: &mut Value, name: &str) -> Result<()> {
    http_filters(config)?.retain(|filter| filter.get("name").and_then(Value::as_str) != Some(name));
    Ok(())
}

/// Takes the filters out of a placed configuration, and leaves the choice to `least_request`.
pub(crate) fn without_filters(config: &mut Value) -> Result<()> {
    for list in [format!("{CONNECTION_MANAGER}/http_filters"), format!("{CLUSTER}{UPSTREAM_FILTERS}")] {
        let filters =
            config.pointer_mut(&list).and_then(Value::as_array_mut).context("no list of filters")?;
        filters.retain(|filter| filter.pointer("/typed_config/config/vm_config").is_none());
    }
    let policy = config.pointer_mut(&format!("{CLUSTER}/load_balancing_policy")).context("no policy")?;
    let fallback = policy.pointer("/policies/0/typed_extension_config/typed_config/fallback_policy");
    *policy = fallback.context("no fallback policy")?.clone();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The list of callbacks, as it stands in a manifest.
    fn callbacks(package: &str) -> String {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("Cargo.toml");
        let text = std::fs::read_to_string(manifest).unwrap();
        text.split_once("callbacks = [").unwrap().1.split_once(']').unwrap().0.to_owned()
    }

    #[test]
    fn the_empty_filters_have_the_callbacks_of_the_real_ones() {
        assert_eq!(callbacks("bench/empty-at-listener"), callbacks("filters/endpoint-picker"));
        assert_eq!(callbacks("bench/empty-at-upstream"), callbacks("filters/circuit-breaker"));
        assert_eq!(callbacks("bench/refuse-at-listener"), callbacks("filters/load-shedder"));
    }

    #[test]
    fn the_shipped_configuration_has_what_is_changed() {
        let upstream = "127.0.0.1:1".parse().unwrap();
        for variant in [Variant::Bare, Variant::Spillway] {
            let mut config = spillway_envoy::read(spillway_envoy::SPILLWAY_YAML).unwrap();
            variant.apply(&mut config, &[upstream]).unwrap();
            assert_eq!(config.to_string().contains("envoy.wasm.runtime"), variant.works());
        }
    }
}
