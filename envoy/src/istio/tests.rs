use super::*;

fn gateway() -> Value {
    crate::read(GATEWAY_YAML).unwrap()
}

#[track_caller]
fn refused(patch: &Value, expected: &str) {
    let resource = json!({ "spec": { "configPatches": [patch] } });
    assert_eq!(apply(&resource, &mut gateway()).unwrap_err().to_string(), expected);
}

#[test]
fn messages_merge_lists_grow_and_typed_configurations_are_replaced() {
    let mut into = json!({
        "connect_timeout": "10s",
        "circuit_breakers": { "thresholds": [{ "max_requests": 1 }], "kept": true },
        "options": { "http": { "@type": "old", "idle_timeout": "1s" } },
    });
    let from = json!({
        "connect_timeout": "1s",
        "circuit_breakers": { "thresholds": [{ "max_retries": 2 }] },
        "options": { "http": { "@type": "new" } },
    });
    merge(&mut into, &from);
    let expected = json!({
        "connect_timeout": "1s",
        "circuit_breakers": { "thresholds": [{ "max_requests": 1 }, { "max_retries": 2 }], "kept": true },
        "options": { "http": { "@type": "new" } },
    });
    assert_eq!(into, expected);
}

#[test]
fn what_does_not_match_or_is_not_known_is_refused() {
    let cluster = |operation: &str, port: u16| {
        json!({
            "applyTo": "CLUSTER",
            "match": { "context": "GATEWAY", "cluster": { "service": "other", "portNumber": port } },
            "patch": { "operation": operation, "value": {} },
        })
    };
    refused(&cluster("MERGE", 80), "patch 0: the gateway has no cluster outbound|80||other");
    refused(&cluster("REMOVE", 80), "patch 0: REMOVE of CLUSTER is not known here");
    refused(&json!({ "applyTo": "CLUSTER" }), "patch 0: context \"\" is not known here");
    let filter = json!({
        "applyTo": "HTTP_FILTER",
        "match": { "context": "GATEWAY", "listener": { "filterChain": { "filter": {
            "name": "envoy.filters.network.http_connection_manager", "subFilter": { "name": "no-such" },
        } } } },
        "patch": { "operation": "INSERT_BEFORE", "value": { "name": "new" } },
    });
    refused(&filter, "patch 0: the gateway has no http filter no-such");
}
