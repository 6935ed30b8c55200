//! The resources in `deploy/istio`: well formed, and in step with each other, with the shipped configuration and with
//! the names that Istio gives. That a real Envoy takes the result is tested in `tests/tests/deploy.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use serde_json::{Value, json};
use spillway_envoy::istio::{GATEWAY_YAML, apply};
use spillway_envoy::{FilterConfigs, SPILLWAY_YAML, read};

const POOL: &str = "outbound|8000||inference.default.svc.cluster.local";

fn resource(name: &str) -> Value {
    let path = format!("{}/../deploy/istio/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    read(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

fn patched() -> Value {
    let mut gateway = read(GATEWAY_YAML).unwrap();
    for name in ["response-cache", "load-shedder", "endpoint-picker", "pool"] {
        apply(&resource(name), &mut gateway).unwrap();
    }
    gateway
}

fn cluster<'a>(config: &'a Value, name: &str) -> &'a Value {
    let clusters = config["static_resources"]["clusters"].as_array().unwrap();
    clusters.iter().find(|cluster| cluster["name"] == name).unwrap_or_else(|| panic!("no cluster {name}"))
}

#[test]
fn resources_say_what_they_are_and_stay_in_the_gateways_namespace() {
    for (name, version, kind) in [
        ("response-cache", "networking.istio.io/v1alpha3", "EnvoyFilter"),
        ("load-shedder", "networking.istio.io/v1alpha3", "EnvoyFilter"),
        ("endpoint-picker", "networking.istio.io/v1alpha3", "EnvoyFilter"),
        ("pool", "networking.istio.io/v1alpha3", "EnvoyFilter"),
        ("destination-rule", "networking.istio.io/v1", "DestinationRule"),
        ("virtual-service", "networking.istio.io/v1", "VirtualService"),
        ("stats-labels", "v1", "ConfigMap"),
    ] {
        let resource = resource(name);
        assert_eq!(resource["apiVersion"], json!(version), "{name}");
        assert_eq!(resource["kind"], json!(kind), "{name}");
        assert!(resource["metadata"]["name"].is_string(), "{name}");
        assert_eq!(resource["metadata"]["namespace"], json!("istio-ingress"), "{name}");
        if kind == "EnvoyFilter" {
            let selected = &resource["spec"]["workloadSelector"]["labels"];
            assert_eq!(*selected, json!({ "istio": "ingressgateway" }), "{name} is for the gateway alone");
        }
    }
}

#[test]
fn the_patches_land_where_they_should() {
    let mut gateway = patched();
    let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = gateway.pointer(filters).unwrap().as_array().unwrap();
    let names: Vec<_> = filters.iter().filter_map(|filter| filter["name"].as_str()).collect();
    let expected = ["response-cache", "load-shedder", "endpoint-picker", "envoy.filters.http.router"];
    assert_eq!(names.last_chunk(), Some(&expected));
    // Istio applies the lower priority first, and 0 where none is said.
    let priority = |name| resource(name)["spec"]["priority"].as_i64().unwrap();
    assert!(priority("response-cache") < priority("load-shedder") && priority("load-shedder") < 0);
    assert!(resource("endpoint-picker")["spec"]["priority"].is_null());

    let picker = gateway.filter_config("endpoint-picker").unwrap();
    assert_eq!(picker["pools"], json!([POOL]));
    assert_eq!(gateway.filter_config("load-shedder").unwrap()["pools"], json!([POOL]));
    assert_eq!(gateway.filter_config("circuit-breaker").unwrap()["pool"], json!(POOL));
    let admin = picker["membership"]["admin"]["cluster"].as_str().unwrap();
    let socket = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let own = gateway.pointer("/admin/address/socket_address").unwrap();
    assert_eq!(cluster(&gateway, admin).pointer(socket).unwrap(), own);
}

/// The gateway runs the filters with what is shipped: load balancing, upstream filters, everything but what is
/// Istio's to say.
#[test]
fn the_pool_is_that_of_the_shipped_configuration() {
    let (mut shipped, mut gateway) = (read(SPILLWAY_YAML).unwrap(), patched());
    for plugin in ["response-cache", "load-shedder", "endpoint-picker", "circuit-breaker"] {
        let (shipped, gateway) = (shipped.plugin(plugin).unwrap(), gateway.plugin(plugin).unwrap());
        gateway["configuration"] = shipped["configuration"].clone();
        assert_eq!(gateway, shipped, "{plugin}");
    }
    let (shipped, gateway) = (cluster(&shipped, "inference"), cluster(&gateway, POOL));
    for field in ["load_balancing_policy", "typed_extension_protocol_options", "connect_timeout"] {
        assert_eq!(gateway[field], shipped[field], "{field}");
    }
    let thresholds = |cluster: &Value| cluster["circuit_breakers"]["thresholds"][0].clone();
    for field in ["max_connections", "max_pending_requests", "max_requests", "retry_budget"] {
        assert_eq!(thresholds(gateway)[field], thresholds(shipped)[field], "{field}");
    }
}

/// `gateway.yaml` stands for what Istio makes of the two resources; here they are held against it.
#[test]
fn the_gateway_is_what_the_route_and_the_rule_say() {
    let gateway = patched();
    let (cluster, rule) = (cluster(&gateway, POOL), resource("destination-rule"));
    let policy = &rule["spec"]["trafficPolicy"];
    let thresholds = &cluster["circuit_breakers"]["thresholds"][0];
    let pool = &policy["connectionPool"];
    assert_eq!(thresholds["max_connections"], pool["tcp"]["maxConnections"]);
    assert_eq!(thresholds["max_pending_requests"], pool["http"]["http1MaxPendingRequests"]);
    assert_eq!(thresholds["max_requests"], pool["http"]["http2MaxRequests"]);
    assert_eq!(thresholds["retry_budget"]["budget_percent"]["value"], policy["retryBudget"]["percent"]);
    assert_eq!(
        thresholds["retry_budget"]["min_retry_concurrency"],
        policy["retryBudget"]["minRetryConcurrency"]
    );
    assert_eq!(cluster["connect_timeout"], pool["tcp"]["connectTimeout"]);
    assert_eq!(policy["loadBalancer"]["localityLbSetting"], json!({ "enabled": false }));

    let service = resource("virtual-service");
    let http = &service["spec"]["http"][0];
    let destination = &http["route"][0]["destination"];
    let port = &destination["port"]["number"];
    assert_eq!(format!("outbound|{port}||{}", destination["host"].as_str().unwrap()), POOL);
    assert_eq!(rule["spec"]["host"], destination["host"]);
    let hosts =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts";
    let route = gateway.pointer(&format!("{hosts}/0")).unwrap();
    assert_eq!(route["domains"], service["spec"]["hosts"]);
    let shipped = read(SPILLWAY_YAML).unwrap();
    let shipped = shipped.pointer(&format!("{hosts}/0/routes/0/route")).unwrap();
    for route in [&route["routes"][0]["route"], shipped] {
        assert_eq!(route["timeout"], http["timeout"]);
        assert_eq!(route["retry_policy"]["num_retries"], http["retries"]["attempts"]);
        let codes = route["retry_policy"]["retriable_status_codes"].to_string();
        let on = route["retry_policy"]["retry_on"].as_str().unwrap();
        let on = on.replace("retriable-status-codes", codes.trim_matches(['[', ']']));
        assert_eq!(json!(on), http["retries"]["retryOn"]);
    }
}

#[test]
fn cache_shedder_and_picker_work_for_the_routes_hosts_and_for_no_other() {
    let mut gateway = patched();
    let hosts = resource("virtual-service")["spec"]["hosts"].clone();
    for filter in ["response-cache", "load-shedder", "endpoint-picker"] {
        let rules = gateway.filter_config(filter).unwrap()["rules"].clone();
        let expected = json!([{ "match": { "hosts": hosts }, "mode": "enforce" }, { "mode": "off" }]);
        assert_eq!(rules, expected, "{filter}");
    }
}

#[test]
fn the_filters_are_mounted_where_the_configuration_looks_for_them() {
    let values = resource("gateway-values");
    let mount = json!({ "name": "spillway-filters", "mountPath": "/etc/spillway/filters", "readOnly": true });
    assert_eq!(values["volumeMounts"], json!([mount]));
    let copy = &values["initContainers"][0];
    assert_eq!(copy["volumeMounts"][0]["mountPath"], mount["mountPath"]);
    assert!(
        copy["image"].as_str().unwrap().ends_with(concat!("/spillway/filters:", env!("CARGO_PKG_VERSION")))
    );
    let mut gateway = patched();
    for plugin in ["response-cache", "load-shedder", "endpoint-picker", "circuit-breaker"] {
        let file = format!("/etc/spillway/filters/{plugin}.wasm");
        let code = gateway.plugin(plugin).unwrap()["vm_config"]["code"].clone();
        assert_eq!(code, json!({ "local": { "filename": file } }));
    }
}

#[test]
fn labels_are_those_of_the_shipped_configuration() {
    let config_map = resource("stats-labels");
    let bootstrap: Value =
        serde_json::from_str(config_map["data"]["custom_bootstrap.json"].as_str().unwrap()).unwrap();
    let shipped = read(SPILLWAY_YAML).unwrap();
    assert_eq!(bootstrap, json!({ "stats_config": shipped["stats_config"] }));
    let annotation = &resource("gateway-values")["podAnnotations"]["sidecar.istio.io/bootstrapOverride"];
    assert_eq!(*annotation, config_map["metadata"]["name"]);
}
