//! Other ports, another folder of filters, other workers.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

/// Where the pieces of the shipped configuration are on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Port of the HTTP API; 10000 in the file.
    pub api_port: u16,
    /// Port of Envoy's admin interface; 9901 in the file.
    pub admin_port: u16,
    /// Where the cache tier listens, on this machine; 10090 in the file.
    pub cache_tier_port: u16,
    /// The folder that holds `<filter>.wasm`; `/etc/spillway/filters` in the file.
    pub filters_dir: PathBuf,
    /// The inference workers; three in the file.
    pub workers: Vec<SocketAddr>,
}

/// The port of a cluster's first endpoint.
const FIRST_PORT: &str =
    "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/port_value";

/// Why the configuration could not be placed.
#[derive(Debug, thiserror::Error)]
pub enum PlacementError {
    /// The file is not YAML.
    #[error("not yaml: {0}")]
    Yaml(String),
    /// The file does not hold what is to be changed.
    #[error("the configuration has no {0}")]
    Missing(String),
}

impl Placement {
    /// The shipped configuration, placed.
    ///
    /// # Errors
    ///
    /// [`PlacementError`] when the shipped file was changed so that a place is gone.
    pub fn render(&self) -> Result<Value, PlacementError> {
        let mut config = crate::read(crate::SPILLWAY_YAML)?;
        set(&mut config, "/admin/address/socket_address/port_value", json!(self.admin_port))?;
        let api = named(&mut config, "/static_resources/listeners", "api")?;
        set(api, "/address/socket_address/port_value", json!(self.api_port))?;
        let inference = named(&mut config, "/static_resources/clusters", "inference")?;
        let workers: Vec<_> = self.workers.iter().map(|worker| endpoint(*worker)).collect();
        set(inference, "/load_assignment/endpoints/0/lb_endpoints", Value::Array(workers))?;
        let admin = named(&mut config, "/static_resources/clusters", "admin")?;
        set(admin, FIRST_PORT, json!(self.admin_port))?;
        let tier = named(&mut config, "/static_resources/clusters", "cache-tier")?;
        set(tier, FIRST_PORT, json!(self.cache_tier_port))?;
        self.move_filters(&mut config);
        Ok(config)
    }

    fn move_filters(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|field| self.move_filters(field)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.move_filters(item)),
            Value::String(text) => {
                if let Some(file) = text.strip_prefix("/etc/spillway/filters/") {
                    *text = self.filters_dir.join(file).display().to_string();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// An endpoint of a cluster, as Envoy's configuration spells it.
fn endpoint(address: SocketAddr) -> Value {
    let socket = json!({ "address": address.ip().to_string(), "port_value": address.port() });
    json!({ "endpoint": { "address": { "socket_address": socket } } })
}

fn set(config: &mut Value, pointer: &str, new: Value) -> Result<(), PlacementError> {
    let place = config.pointer_mut(pointer).ok_or_else(|| PlacementError::Missing(pointer.to_owned()))?;
    *place = new;
    Ok(())
}

fn named<'a>(config: &'a mut Value, list: &str, name: &str) -> Result<&'a mut Value, PlacementError> {
    let items = config.pointer_mut(list).and_then(Value::as_array_mut);
    let item = items.and_then(|items| items.iter_mut().find(|item| item.get("name") == Some(&json!(name))));
    item.ok_or_else(|| PlacementError::Missing(format!("{list} named {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_moves_and_nothing_shipped_is_left() {
        let placement = Placement {
            api_port: 20_000,
            admin_port: 20_001,
            cache_tier_port: 20_004,
            filters_dir: "/tmp/filters".into(),
            workers: vec!["127.0.0.1:20002".parse().unwrap(), "[::1]:20003".parse().unwrap()],
        };
        let text = placement.render().unwrap().to_string();
        for gone in ["10000,", "10090", "9901", "8001", "8002", "8003", "/etc/spillway"] {
            assert!(!text.contains(gone), "{gone} is still there");
        }
        for new in
            ["20000", "20001", "20002", "20003", "20004", "\"::1\"", "/tmp/filters/endpoint-picker.wasm"]
        {
            assert!(text.contains(new), "{new} is missing");
        }
    }

    #[test]
    fn the_shipped_places_render_to_the_shipped_file() {
        let placement = Placement {
            api_port: 10_000,
            admin_port: 9901,
            cache_tier_port: 10_090,
            filters_dir: "/etc/spillway/filters".into(),
            workers: (8001..=8003).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect(),
        };
        assert_eq!(placement.render().unwrap(), crate::read(crate::SPILLWAY_YAML).unwrap());
    }

    #[test]
    fn a_place_that_is_gone_is_named() {
        let error = set(&mut json!({}), "/admin/address", json!(1)).unwrap_err();
        assert_eq!(error.to_string(), "the configuration has no /admin/address");
    }
}
