//! Envoy's `GET /clusters?format=json` (`envoy.admin.v3.Clusters`).
//!
//! Proto3 JSON leaves out what has its default value, so the fields of a cluster have defaults. Unknown fields are
//! skipped: a newer Envoy may say more. An answer that does not have this shape is refused whole, and the last
//! good table goes on serving.

use serde::Deserialize;

use super::{Member, Standing};

/// Why an answer of the admin interface was not used.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// Not JSON, or not the shape of `envoy.admin.v3.Clusters`.
    #[error("not the clusters of envoy's admin interface: {0}")]
    Shape(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Clusters {
    // The one field without a default: an answer that lacks it must not read as "everybody has left".
    cluster_statuses: Vec<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(default)]
    name: String,
    #[serde(default)]
    host_statuses: Vec<Host>,
}

#[derive(Deserialize)]
struct Host {
    #[serde(default)]
    address: Address,
    #[serde(default)]
    health_status: Health,
    #[serde(default)]
    weight: u32,
    #[serde(default)]
    locality: Locality,
}

#[derive(Default, Deserialize)]
struct Address {
    socket_address: Option<SocketAddress>,
}

#[derive(Deserialize)]
struct SocketAddress {
    address: String,
    #[serde(default)]
    port_value: u16,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Health {
    eds_health_status: String,
    failed_active_health_check: bool,
    failed_outlier_check: bool,
    pending_dynamic_removal: bool,
    pending_active_hc: bool,
    excluded_via_immediate_hc_fail: bool,
    active_hc_timeout: bool,
}

#[derive(Default, Deserialize)]
struct Locality {
    #[serde(default)]
    zone: String,
}

/// The members of each cluster that `wanted` accepts, in the answer's order.
///
/// Hosts without a socket address (pipes, internal listeners) are left out, since `override_host` cannot name them;
/// of two hosts with one address the first counts.
///
/// # Errors
///
/// [`MembershipError::Shape`] when `answer` is not what Envoy's admin interface sends.
pub fn read_clusters(
    answer: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Vec<Member>)>, MembershipError> {
    let clusters: Clusters = serde_json::from_slice(answer)?;
    let wanted = clusters.cluster_statuses.into_iter().filter(|cluster| wanted(&cluster.name));
    Ok(wanted.map(|cluster| (cluster.name, members(cluster.host_statuses))).collect())
}

fn members(hosts: Vec<Host>) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::with_capacity(hosts.len());
    let mut seen = std::collections::BTreeSet::new();
    for host in hosts {
        let Some(socket) = host.address.socket_address else { continue };
        let address = written(&socket);
        if seen.insert(address.clone()) {
            members.push(Member {
                address,
                standing: standing(&host.health_status),
                weight: host.weight.max(1),
                zone: host.locality.zone,
            });
        }
    }
    members
}

fn written(socket: &SocketAddress) -> String {
    if socket.address.contains(':') {
        format!("[{}]:{}", socket.address, socket.port_value)
    } else {
        format!("{}:{}", socket.address, socket.port_value)
    }
}

fn standing(health: &Health) -> Standing {
    if health.pending_dynamic_removal || health.eds_health_status == "DRAINING" {
        Standing::Draining
    } else if health.failed_active_health_check
        || health.failed_outlier_check
        || health.pending_active_hc
        || health.excluded_via_immediate_hc_fail
        || health.active_hc_timeout
        || matches!(health.eds_health_status.as_str(), "UNHEALTHY" | "TIMEOUT")
    {
        Standing::Unhealthy
    } else {
        Standing::Serving
    }
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
