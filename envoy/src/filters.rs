//! The filters' own configurations inside of Envoy's: JSON text inside of JSON.

use serde_json::{Value, json};

use crate::PlacementError;

/// Reading and writing the configuration of a Spillway filter, wherever in Envoy's configuration it stands.
pub trait FilterConfigs {
    /// The Wasm plugin of that name.
    ///
    /// # Errors
    ///
    /// [`PlacementError::Missing`] when there is none.
    fn plugin(&mut self, name: &str) -> Result<&mut Value, PlacementError>;

    /// The configuration of the filter of that name.
    ///
    /// # Errors
    ///
    /// [`PlacementError`] when there is no such filter or its configuration is not JSON.
    fn filter_config(&mut self, name: &str) -> Result<Value, PlacementError> {
        let text = self.plugin(name)?.pointer("/configuration/value").and_then(Value::as_str).unwrap_or("{}");
        serde_json::from_str(text)
            .map_err(|_| PlacementError::Missing(format!("json configuration of {name}")))
    }

    /// Replaces the configuration of the filter of that name.
    ///
    /// # Errors
    ///
    /// [`PlacementError::Missing`] when there is no such filter.
    fn set_filter_config(&mut self, name: &str, config: &Value) -> Result<(), PlacementError> {
        let value = json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": config.to_string(),
        });
        let plugin = self.plugin(name)?.as_object_mut();
        plugin.and_then(|plugin| plugin.insert("configuration".to_owned(), value));
        Ok(())
    }
}

impl FilterConfigs for Value {
    fn plugin(&mut self, name: &str) -> Result<&mut Value, PlacementError> {
        find(self, name).ok_or_else(|| PlacementError::Missing(format!("filter {name}")))
    }
}

/// A plugin is an object with that name and a `vm_config`.
fn find<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    if value.get("vm_config").is_some() && value.get("name") == Some(&json!(name)) {
        return Some(value);
    }
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|field| find(field, name)),
        Value::Array(items) => items.iter_mut().find_map(|item| find(item, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filters_configuration_is_read_and_replaced() {
        let mut config = crate::read(crate::SPILLWAY_YAML).unwrap();
        assert_eq!(config.filter_config("endpoint-picker").unwrap()["only_pool"], "inference");
        config.set_filter_config("endpoint-picker", &json!({ "pools": ["other"] })).unwrap();
        assert_eq!(config.filter_config("endpoint-picker").unwrap(), json!({ "pools": ["other"] }));
        assert_eq!(config.filter_config("circuit-breaker").unwrap(), json!({ "pool": "inference" }));
        let error = config.filter_config("no-such").unwrap_err();
        assert_eq!(error.to_string(), "the configuration has no filter no-such");
    }
}
