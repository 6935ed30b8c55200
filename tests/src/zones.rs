//! Endpoints in zones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Puts the endpoints of the first cluster into zones: a name for each, in their order.
pub(crate) fn place(config: &mut Value, zones: &[String]) {
    let endpoints = &mut config["static_resources"]["clusters"][0]["load_assignment"]["endpoints"];
    let all = endpoints[0]["lb_endpoints"].as_array().expect("a list of endpoints").clone();
    assert_eq!(all.len(), zones.len(), "a zone for each endpoint");
    let mut by_zone: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (endpoint, zone) in all.into_iter().zip(zones) {
        by_zone.entry(zone).or_default().push(endpoint);
    }
    let localities = by_zone
        .into_iter()
        .map(|(zone, endpoints)| json!({ "locality": { "zone": zone }, "lb_endpoints": endpoints }));
    *endpoints = localities.collect();
}

/// Puts Envoy into a zone.
pub(crate) fn settle(config: &mut Value, zone: &str) {
    config["node"]["locality"] = json!({ "zone": zone });
}
