//! What people deploy: the shipped configuration, the compose file's, and what Istio makes of `deploy/istio`. A real
//! Envoy is asked whether it takes them as they stand, and then runs the latter two, placed on free ports.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::process::Command;

use hyper::Request;
use serde_json::{Value, json};
use spillway_envoy::istio::{GATEWAY_YAML, apply};
use spillway_envoy::{FilterConfigs, read};
use spillway_harness::{Setup, chat, filters, hurry, repository, with_one_and_two_envoy_workers};
use tempfile::TempDir;

/// The pool's name in Istio, and how it stands in names of metrics.
const POOL: &str = "outbound|8000||inference.default.svc.cluster.local";
const LABEL: &str = "outbound_8000__inference_default_svc_cluster_local";
const HOST: &str = "inference.example.com";

fn file(path: &str) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A configuration of Envoy with nothing changed but where the filters are.
fn config(yaml: &str) -> Value {
    let here = filters().display().to_string();
    read(&yaml.replace("/etc/spillway/filters", &here)).unwrap()
}

/// The gateway of `gateway.yaml` with the patches of `deploy/istio`.
fn gateway() -> Value {
    let mut gateway = config(GATEWAY_YAML);
    for name in ["response-cache", "load-shedder", "endpoint-picker", "pool"] {
        apply(&config(&file(&format!("deploy/istio/{name}.yaml"))), &mut gateway).unwrap();
    }
    gateway
}

/// What `stats-labels.yaml` adds to the bootstrap.
fn labels() -> Value {
    let config_map = read(&file("deploy/istio/stats-labels.yaml")).unwrap();
    read(config_map["data"]["custom_bootstrap.json"].as_str().unwrap()).unwrap()
}

fn named<'a>(config: &'a mut Value, list: &str, name: &str) -> &'a mut Value {
    let items = config["static_resources"][list].as_array_mut().unwrap();
    items.iter_mut().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

/// What Envoy says of a configuration, with more to merge into it, without listening anywhere.
fn validate(config: &Value, more: &Value) -> Result<(), String> {
    let Some(envoy) = ["SPILLWAY_ENVOY", "ENVOY_BIN"].into_iter().find_map(std::env::var_os) else {
        panic!("no Envoy: run `cargo xtask test`, or set SPILLWAY_ENVOY or ENVOY_BIN");
    };
    let folder = TempDir::with_prefix("spillway-").unwrap();
    let path = folder.path().join("envoy.json");
    fs::write(&path, config.to_string()).unwrap();
    let mut command = Command::new(envoy);
    command.args(["--mode", "validate", "-l", "warning", "--config-yaml", &more.to_string(), "-c"]).arg(path);
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[track_caller]
fn accepted(config: &Value) {
    validate(config, &json!({})).unwrap();
}

#[track_caller]
fn refused(config: &Value, reason: &str) {
    let said = validate(config, &json!({})).unwrap_err();
    assert!(said.contains(reason), "{said}");
}

#[test]
fn envoy_takes_the_shipped_configuration() {
    accepted(&config(&file("envoy/spillway.yaml")));
}

#[test]
fn envoy_takes_the_configuration_of_the_compose_file() {
    accepted(&config(&file("envoy/docker.yaml")));
}

#[test]
fn envoy_takes_an_istio_gateway_with_the_patches() {
    accepted(&config(GATEWAY_YAML));
    accepted(&gateway());
    validate(&gateway(), &labels()).unwrap();
}

/// Validation sees the filters' own configurations, so the tests above say something about those as well.
#[test]
fn envoy_refuses_a_wrong_field_inside_a_patch() {
    let mut gateway = gateway();
    let mut picker = gateway.filter_config("endpoint-picker").unwrap();
    picker["candidates"] = json!(0);
    gateway.set_filter_config("endpoint-picker", &picker).unwrap();
    refused(&gateway, "candidates: invalid value: integer `0`, expected an integer from 1 to 8");
}

/// The reason for `localityLbSetting: { enabled: false }` in the destination rule.
#[test]
fn envoy_refuses_locality_weights_beside_the_patches() {
    let mut gateway = gateway();
    named(&mut gateway, "clusters", POOL)["common_lb_config"] = json!({ "locality_weighted_lb_config": {} });
    refused(&gateway, "load_balancing_policy cannot be combined with partial fields");
}

with_one_and_two_envoy_workers!(
    names_of_workers_are_resolved,
    an_istio_gateway_picks,
    other_hosts_are_left_alone
);

/// Takes the place of the shipped configuration that was placed: on its ports and in front of its workers.
fn instead(placed: &mut Value, mut config: Value, listener: &str, cluster: &str, admin: &str) {
    config["node"] = placed["node"].clone();
    config["admin"]["address"] = placed["admin"]["address"].clone();
    let api = named(placed, "listeners", "api")["address"].take();
    named(&mut config, "listeners", listener)["address"] = api;
    for (from, to) in [("inference", cluster), ("admin", admin)] {
        let endpoints = named(placed, "clusters", from)["load_assignment"]["endpoints"].take();
        named(&mut config, "clusters", to)["load_assignment"]["endpoints"] = endpoints;
    }
    *placed = config;
}

/// In containers workers are names: the picker needs addresses and finds them in Envoy's membership.
async fn names_of_workers_are_resolved(envoy_workers: u32) {
    let setup = Setup::new(envoy_workers).edit(|placed| {
        instead(placed, config(&file("envoy/docker.yaml")), "api", "inference", "admin");
        let endpoints = &mut named(placed, "clusters", "inference")["load_assignment"]["endpoints"];
        for endpoint in endpoints[0]["lb_endpoints"].as_array_mut().unwrap() {
            endpoint["endpoint"]["address"]["socket_address"]["address"] = json!("localhost");
        }
    });
    let spillway = setup.start().await;
    spillway.until_booked("inference").await;
    assert_eq!(spillway.config["static_resources"]["clusters"][0]["type"], "STRICT_DNS");
    assert_eq!(spillway.client.send(chat(1)).await.status, 200);
    assert_eq!(spillway.stats().await.own("spillway.endpoint_picker.score_total"), 1);
    let line = spillway.access_log_line("reason=score").await;
    assert!(line.contains("endpoint=127.0.0.1:"), "{line}");
    spillway.end().await;
}

fn istio(envoy_workers: u32) -> Setup {
    Setup::new(envoy_workers).edit(|placed| {
        instead(placed, gateway(), "0.0.0.0_80", POOL, "spillway-admin");
        let tags = labels()["stats_config"]["stats_tags"].take();
        placed["stats_config"]["stats_tags"].as_array_mut().unwrap().extend(tags.as_array().unwrap().clone());
    })
}

fn to_host<T>(host: &str, mut request: Request<T>) -> Request<T> {
    request.headers_mut().insert("host", host.parse().unwrap());
    request
}

/// The name of a pool in Istio is full of punctuation, and its statistics are filtered: the filters work with both.
async fn an_istio_gateway_picks(envoy_workers: u32) {
    let mut spillway = istio(envoy_workers).start_unsettled().await;
    spillway.until_eligible(LABEL, 3).await;
    spillway.until_booked(LABEL).await;
    let before = spillway.stats().await;
    for _ in 0..10 {
        assert_eq!(spillway.client.send(to_host(HOST, chat(1))).await.status, 200);
    }
    spillway.until_idle(hurry()).await;
    let after = spillway.stats().await;
    for name in ["endpoint_picker.score_total", "circuit_breaker.attempts_success_total"] {
        assert_eq!(after.rise(&before, &format!("wasmcustom.spillway.{name}")), 10, "{name}");
    }
    assert_eq!(after.in_flight(LABEL).len(), 3, "a gauge for each endpoint");
    let metrics = spillway.envoy.admin("/stats?format=prometheus").await;
    let address = spillway.workers[0].label();
    let gauge = format!(
        "spillway_pool_endpoint_in_flight{{spillway_pool=\"{LABEL}\",spillway_endpoint=\"{address}\"}} 0"
    );
    assert!(metrics.lines().any(|line| line == gauge), "no {gauge}");
    spillway.end().await;
}

/// The gateway's other hosts keep Istio's own load balancing, and their clusters take no place among the pools.
async fn other_hosts_are_left_alone(envoy_workers: u32) {
    const OTHER: &str = "outbound|80||other.default.svc.cluster.local";
    let setup = istio(envoy_workers).edit(|placed| {
        let endpoints = named(placed, "clusters", POOL)["load_assignment"]["endpoints"].clone();
        named(placed, "clusters", OTHER)["load_assignment"]["endpoints"] = endpoints;
    });
    let mut spillway = setup.start_unsettled().await;
    spillway.until_eligible(LABEL, 3).await;
    assert_eq!(spillway.client.send(to_host("other.example.com", chat(1))).await.status, 200);
    let stats = spillway.stats().await;
    assert_eq!(stats.own("spillway.endpoint_picker.off_total"), 1);
    assert_eq!(stats.own("spillway.endpoint_picker.score_total"), 0);
    assert_eq!(stats.matching("wasmcustom.spillway.pool.outbound_80_", "").count(), 0, "a pool of its own");
    spillway.end().await;
}
