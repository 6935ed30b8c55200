//! What Envoy has counted for each endpoint of a cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

/// An endpoint, as Envoy's admin interface tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Attempts that were sent to it.
    pub attempts: u64,
    /// Attempts that are under way there.
    pub active: u64,
    /// Attempts that it answered, and not with 5xx.
    pub successes: u64,
    /// Attempts that failed: 5xx, reset, no connection.
    pub errors: u64,
}

/// Reads what `/clusters?format=json` says of a cluster.
pub(crate) fn read(text: &str, cluster: &str) -> BTreeMap<SocketAddr, Host> {
    let answer: Value = serde_json::from_str(text).expect("the admin interface speaks JSON");
    let clusters = answer["cluster_statuses"].as_array().into_iter().flatten();
    let hosts =
        clusters.filter(|one| one["name"] == cluster).filter_map(|one| one["host_statuses"].as_array());
    hosts.flatten().filter_map(host).collect()
}

fn host(host: &Value) -> Option<(SocketAddr, Host)> {
    let socket = &host["address"]["socket_address"];
    let address = SocketAddr::new(
        socket["address"].as_str()?.parse().ok()?,
        u16::try_from(socket["port_value"].as_u64()?).ok()?,
    );
    let stats = host["stats"].as_array()?;
    let value = |name: &str| {
        let stat = stats.iter().find(|stat| stat["name"] == name);
        // Zero is left out, and a 64-bit number is a string in proto3 JSON.
        stat.and_then(|stat| stat["value"].as_str()?.parse().ok()).unwrap_or(0)
    };
    let counts = Host {
        attempts: value("rq_total"),
        active: value("rq_active"),
        successes: value("rq_success"),
        errors: value("rq_error"),
    };
    Some((address, counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_counters_of_one_cluster() {
        let host = json!({
            "address": { "socket_address": { "address": "127.0.0.1", "port_value": 8001 } },
            "stats": [{ "name": "rq_total", "value": "7" }, { "name": "rq_error", "value": "2" }, { "name": "rq_active" }],
        });
        let text = json!({ "cluster_statuses": [
            { "name": "admin", "host_statuses": [{}] },
            { "name": "inference", "host_statuses": [host] },
        ]});
        let expected = Host { attempts: 7, errors: 2, ..Host::default() };
        let address = "127.0.0.1:8001".parse().unwrap();
        assert_eq!(read(&text.to_string(), "inference"), BTreeMap::from([(address, expected)]));
    }
}
