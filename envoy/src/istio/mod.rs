//! What Istio makes of the `EnvoyFilter` resources in `deploy/istio`, as far as those use it.
//!
//! An `EnvoyFilter` changes the configuration that istiod generates for a proxy, so whether it is right shows only in
//! the result. There is no istiod in the tests; this module does what istiod does for the few kinds of patches that
//! we ship, and a real Envoy judges the result. Where it follows Istio to the letter (`pkg/proto/merge`,
//! `pilot/pkg/networking/core/envoyfilter`): messages are merged field by field, lists are **appended**, and a typed
//! configuration (an `Any`, which is also what `typed_extension_protocol_options` holds) is **replaced whole**.
//!
//! What it does not do: select proxies, check the resources' schema, or know any other kind of patch; those are
//! refused, so that a patch which nobody checks is not taken for one that was.

use serde_json::{Map, Value, json};

/// What istiod generates for an ingress gateway with one HTTP port and one service behind it, without what only
/// Istio's own build of Envoy knows (its metadata exchange, its statistics). The names are those of the resources in
/// `deploy/istio`.
pub const GATEWAY_YAML: &str = include_str!("gateway.yaml");

/// Why a resource could not be applied.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is of a kind that this module does not know.
    #[error("patch {0}: {1} is not known here")]
    Unknown(usize, String),
    /// Nothing in the proxy's configuration matches.
    #[error("patch {0}: the gateway has no {1}")]
    NoMatch(usize, String),
}

/// Applies the patches of one `EnvoyFilter`, in order.
///
/// # Errors
///
/// [`PatchError`] with the number of the first patch that does not apply.
pub fn apply(resource: &Value, config: &mut Value) -> Result<(), PatchError> {
    let patches = resource.pointer("/spec/configPatches").and_then(Value::as_array);
    patches.into_iter().flatten().enumerate().try_for_each(|(number, patch)| apply_one(number, patch, config))
}

fn apply_one(number: usize, patch: &Value, config: &mut Value) -> Result<(), PatchError> {
    let word = |pointer| patch.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let value = patch.pointer("/patch/value").unwrap_or(&Value::Null);
    let no_match = |what| PatchError::NoMatch(number, what);
    if word("/match/context") != "GATEWAY" {
        return Err(PatchError::Unknown(number, format!("context {:?}", word("/match/context"))));
    }
    match (word("/applyTo"), word("/patch/operation")) {
        ("CLUSTER", "ADD") => {
            let clusters = list(config, "/static_resources/clusters");
            clusters.ok_or_else(|| no_match("clusters".to_owned()))?.push(value.clone());
        }
        ("CLUSTER", "MERGE") => {
            let port = patch.pointer("/match/cluster/portNumber").unwrap_or(&Value::Null);
            let name = format!("outbound|{port}||{}", word("/match/cluster/service"));
            let mut clusters = list(config, "/static_resources/clusters").into_iter().flatten();
            let cluster = clusters.find(|cluster| cluster.get("name") == Some(&json!(name)));
            merge(cluster.ok_or_else(|| no_match(format!("cluster {name}")))?, value);
        }
        ("HTTP_FILTER", "INSERT_BEFORE") => {
            let manager = word("/match/listener/filterChain/filter/name");
            let before = word("/match/listener/filterChain/filter/subFilter/name");
            if insert_before(config, manager, before, value) == 0 {
                return Err(no_match(format!("http filter {before}")));
            }
        }
        (kind, operation) => return Err(PatchError::Unknown(number, format!("{operation} of {kind}"))),
    }
    Ok(())
}

/// In how many filter chains the filter was inserted.
fn insert_before(config: &mut Value, manager: &str, before: &str, filter: &Value) -> usize {
    let listeners = list(config, "/static_resources/listeners").into_iter().flatten();
    let chains = listeners.flat_map(|listener| list(listener, "/filter_chains").into_iter().flatten());
    let network = chains.flat_map(|chain| list(chain, "/filters").into_iter().flatten());
    let managers = network.filter(|filter| filter.get("name") == Some(&json!(manager)));
    let mut inserted = 0;
    for filters in managers.filter_map(|manager| list(manager, "/typed_config/http_filters")) {
        if let Some(place) = filters.iter().position(|filter| filter.get("name") == Some(&json!(before))) {
            filters.insert(place, filter.clone());
            inserted += 1;
        }
    }
    inserted
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) if !from.contains_key("@type") => merge_fields(into, from),
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

fn merge_fields(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match into.get_mut(name) {
            Some(old) => merge(old, value),
            None => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

fn list<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    value.pointer_mut(pointer).and_then(Value::as_array_mut)
}

#[cfg(test)]
mod tests;
