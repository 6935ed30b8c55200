use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ANSWER: &str = r#"{"cluster_statuses": [
  {"name": "admin", "host_statuses": [{"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9901}}}]},
  {"name": "inference", "added_via_api": false, "observability_name": "inference", "host_statuses": [
    {"address": {"socket_address": {"address": "10.0.0.1", "port_value": 8001}},
     "stats": [{"name": "rq_active", "type": "GAUGE", "value": "3"}],
     "health_status": {"eds_health_status": "HEALTHY"}, "weight": 2, "locality": {"zone": "a"}},
    {"address": {"socket_address": {"address": "2001:db8::1", "port_value": 80}},
     "health_status": {"eds_health_status": "DEGRADED"}},
    {"address": {"socket_address": {"address": "10.0.0.1", "port_value": 8001}}, "weight": 9},
    {"address": {"pipe": {"path": "/run/worker.sock"}}},
    {"address": {"socket_address": {"address": "10.0.0.3", "port_value": 1}},
     "health_status": {"eds_health_status": "HEALTHY", "failed_active_health_check": true}},
    {"address": {"socket_address": {"address": "10.0.0.4", "port_value": 1}},
     "health_status": {"eds_health_status": "DRAINING"}},
    {"address": {"socket_address": {"address": "10.0.0.5", "port_value": 1}},
     "health_status": {"failed_outlier_check": true, "pending_dynamic_removal": true}}
  ]}]}"#;

#[test]
fn envoys_answer_is_read() {
    let clusters = read_clusters(ANSWER.as_bytes(), |name| name == "inference").unwrap();
    let [(name, members)] = clusters.as_slice() else { panic!("{clusters:?}") };
    assert_eq!(name, "inference");
    let read: Vec<_> =
        members.iter().map(|m| (m.address.as_str(), m.standing, m.weight, m.zone.as_str())).collect();
    assert_eq!(
        read,
        [
            ("10.0.0.1:8001", Standing::Serving, 2, "a"),
            ("[2001:db8::1]:80", Standing::Serving, 1, ""),
            ("10.0.0.3:1", Standing::Unhealthy, 1, ""),
            ("10.0.0.4:1", Standing::Draining, 1, ""),
            ("10.0.0.5:1", Standing::Draining, 1, ""),
        ]
    );
}

#[test]
fn an_envoy_without_clusters_has_none() {
    assert!(read_clusters(br#"{"cluster_statuses": []}"#, |_| true).unwrap().is_empty());
}

#[test]
fn garbage_is_refused_whole() {
    for garbage in
        ["", "[]", "{}", "<html>", r#"{"cluster_statuses": 7}"#, r#"{"cluster_statuses": [{"name": 1}]}"#]
    {
        let error = read_clusters(garbage.as_bytes(), |_| true).unwrap_err().to_string();
        assert!(error.starts_with("not the clusters of envoy's admin interface: "), "{garbage}: {error}");
    }
}
