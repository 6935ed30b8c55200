//! `docker.yaml`: current, and different from the shipped file only where containers are.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::{Value, json};
use spillway_envoy::{SPILLWAY_YAML, docker, read};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker.yaml");

#[test]
fn docker_yaml_is_what_the_shipped_file_gives() {
    let expected = docker(SPILLWAY_YAML).unwrap();
    if std::env::var_os("SPILLWAY_UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &expected).unwrap();
    }
    let current = std::fs::read_to_string(FILE).unwrap_or_default() == expected;
    assert!(current, "{FILE} is out of date: run the test again with SPILLWAY_UPDATE_DOCS=1");
}

#[test]
fn only_listeners_and_workers_differ() {
    let shipped = read(SPILLWAY_YAML).unwrap();
    let docker = read(&docker(SPILLWAY_YAML).unwrap()).unwrap();
    let mut differences = Vec::new();
    compare("", &shipped, &docker, &mut differences);
    let pool = "/static_resources/clusters/0";
    let workers = format!("{pool}/load_assignment/endpoints/0/lb_endpoints");
    let endpoint = |index| format!("{workers}/{index}/endpoint/address/socket_address");
    let expected = [
        ("/admin/address/socket_address/address".to_owned(), json!("0.0.0.0")),
        (format!("{pool}/dns_lookup_family"), json!("V4_ONLY")),
        (format!("{}/address", endpoint(0)), json!("worker-1")),
        (format!("{}/address", endpoint(1)), json!("worker-2")),
        (format!("{}/port_value", endpoint(1)), json!(8001)),
        (format!("{}/address", endpoint(2)), json!("worker-3")),
        (format!("{}/port_value", endpoint(2)), json!(8001)),
        (format!("{pool}/type"), json!("STRICT_DNS")),
        ("/static_resources/listeners/0/address/socket_address/address".to_owned(), json!("0.0.0.0")),
    ];
    assert_eq!(differences, expected);
}

/// What is on loopback in the shipped file, and reached by Envoy from its own container, is Envoy's own, or shares its
/// network.
#[test]
fn only_the_admin_interface_and_the_cache_tier_are_reached_on_loopback() {
    let docker = read(&docker(SPILLWAY_YAML).unwrap()).unwrap();
    for cluster in docker["static_resources"]["clusters"].as_array().unwrap() {
        let on_loopback = cluster.to_string().contains("127.0.0.1");
        let shares = cluster["name"] == "admin" || cluster["name"] == "cache-tier";
        assert_eq!(on_loopback, shares, "cluster {}", cluster["name"]);
    }
    let paths: Vec<_> =
        docker["admin"]["allow_paths"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert!(!paths.is_empty(), "the admin interface is open");
    for path in ["quitquitquit", "logging", "config_dump", "runtime", "\"/\""] {
        assert!(!paths.iter().any(|allowed| allowed.contains(path)), "{path} is let through");
    }
}

fn compare(path: &str, old: &Value, new: &Value, differences: &mut Vec<(String, Value)>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            assert!(old.keys().all(|name| new.contains_key(name)), "{path} lost a field");
            for (name, value) in new {
                compare(&format!("{path}/{name}"), old.get(name).unwrap_or(&Value::Null), value, differences);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            assert_eq!(old.len(), new.len(), "length of {path}");
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}/{index}"), old, new, differences);
            }
        }
        (old, new) if old != new => differences.push((path.to_owned(), new.clone())),
        _ => {}
    }
}
