//! Who is how important: by credential, by a trusted header, by path and by model; and what the worker is told of it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{MODEL, Setup, Spillway, chat, request, with_one_and_two_envoy_workers};

use super::{end, held_to};

with_one_and_two_envoy_workers!(
    a_credential_is_known_by_its_hash,
    a_header_of_the_operator_names_the_consumer,
    rules_give_levels_by_path_and_by_model,
    consumers_of_one_tenant_share_a_budget,
);

/// `printf 'Bearer sk-gold' | sha256sum`
const GOLD: &str = "9f986c9dbe7fd1264a4d358aae59f1be22f0d50789aec3c90165ce42ebb60b64";
/// `printf 'Bearer sk-silver' | sha256sum`
const SILVER: &str = "f178023bc3faab2baee2676385a8b73ce2e8c143e6bacfc929eccd49b363c7e4";
/// `printf 'key-bulk' | sha256sum`
const BULK: &str = "7b71a2d641bd4337dc7c5f0c1846a8174476b7527c9f47505eba91228fe33190";

/// Envoy adds to each answer what the worker's request said in `x-spillway-priority`.
fn telling(envoy_workers: u32, more: Value) -> Setup {
    let setup = held_to(envoy_workers, 100, json!({ "trust_priority_header": false }));
    setup.filter("load-shedder", more).edit(|config| {
        let chain = &mut config["static_resources"]["listeners"][0]["filter_chains"][0];
        let routes = &mut chain["filters"][0]["typed_config"]["route_config"];
        assert!(routes["virtual_hosts"].is_array(), "{routes}");
        let header = json!({ "key": "x-told", "value": "%REQ(x-spillway-priority)%" });
        routes["response_headers_to_add"] = json!([{ "header": header }]);
    })
}

fn with(mut request: Request<Full<Bytes>>, headers: &[(&'static str, &str)]) -> Request<Full<Bytes>> {
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

#[track_caller]
fn is_told(told: &str, expected: &str, headers: &[(&str, &str)]) {
    assert_eq!(told, expected, "{headers:?}");
}

/// Requests with these headers are given that level.
async fn give(spillway: &Spillway, cases: &[(&[(&'static str, &str)], &str)]) {
    for (headers, expected) in cases {
        let answer = spillway.client.send(with(chat(1), headers)).await;
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
        is_told(&answer.header("x-told"), expected, headers);
    }
}

async fn a_credential_is_known_by_its_hash(envoy_workers: u32) {
    let config = json!({ "consumers": [
        { "credential_sha256": GOLD, "level": "critical" },
        { "credential_sha256": BULK, "level": "sheddable" },
    ] });
    let spillway = telling(envoy_workers, config).start().await;
    give(
        &spillway,
        &[
            (&[("authorization", "Bearer sk-gold")], "critical"),
            (&[("x-api-key", "key-bulk")], "sheddable"),
            (&[("authorization", "Bearer sk-other")], "standard"),
            (&[("authorization", "bearer sk-gold")], "standard"),
            (&[], "standard"),
            // What a client says of itself only lowers it.
            (&[("authorization", "Bearer sk-gold"), ("x-spillway-priority", "sheddable")], "sheddable"),
            (&[("authorization", "Bearer sk-gold"), ("x-spillway-priority", "critical")], "critical"),
            (&[("x-api-key", "key-bulk"), ("x-spillway-priority", "critical")], "sheddable"),
            (&[("x-spillway-priority", "critical")], "standard"),
            (&[("x-spillway-priority", "sheddable")], "sheddable"),
            (&[("x-spillway-priority", "no such level")], "standard"),
        ],
    )
    .await;
    let line = spillway.access_log_line("shedder=[result=admitted level=critical]").await;
    assert!(line.contains(" 200 "), "{line}");
    end(spillway).await;
}

async fn a_header_of_the_operator_names_the_consumer(envoy_workers: u32) {
    let config = json!({
        "consumer_header": "X-Consumer",
        "consumers": [
            { "name": "search", "level": "critical" },
            { "name": "reports", "level": "sheddable" },
            { "credential_sha256": GOLD, "level": "critical" },
        ],
    });
    let spillway = telling(envoy_workers, config).start().await;
    give(
        &spillway,
        &[
            (&[("x-consumer", "search")], "critical"),
            (&[("x-consumer", "reports")], "sheddable"),
            (&[("x-consumer", "nobody")], "standard"),
            // The header comes before the credential.
            (&[("x-consumer", "reports"), ("authorization", "Bearer sk-gold")], "sheddable"),
            (&[("x-consumer", "search"), ("x-spillway-priority", "standard")], "standard"),
            (&[("x-consumer", "reports"), ("x-spillway-priority", "standard")], "sheddable"),
        ],
    )
    .await;
    end(spillway).await;
}

async fn rules_give_levels_by_path_and_by_model(envoy_workers: u32) {
    let config = json!({
        "consumers": [{ "credential_sha256": GOLD, "level": "standard" }],
        "rules": [
            { "match": { "path_prefix": "/v1/completions" }, "level": "sheddable" },
            { "models": [MODEL], "level": "critical" },
        ],
    });
    let spillway = telling(envoy_workers, config).start().await;
    let text =
        |model: &str| request("/v1/completions", &json!({ "model": model, "prompt": "x", "max_tokens": 1 }));
    let talk = |model: &str| {
        let messages = json!([{ "role": "user", "content": "x" }]);
        request("/v1/chat/completions", &json!({ "model": model, "messages": messages, "max_tokens": 1 }))
    };
    for (request, status, expected) in [
        (text(MODEL), 200, "sheddable"),
        (talk(MODEL), 200, "critical"),
        (talk("another"), 404, "standard"),
        (with(talk(MODEL), &[("authorization", "Bearer sk-gold")]), 200, "standard"),
        (with(talk(MODEL), &[("x-spillway-priority", "sheddable")]), 200, "sheddable"),
        (with(text(MODEL), &[("x-spillway-priority", "critical")]), 200, "sheddable"),
    ] {
        let shown = format!("{request:?}");
        let answer = spillway.client.send(request).await;
        assert_eq!((answer.status, answer.header("x-told").as_str()), (status, expected), "{shown}");
    }
    end(spillway).await;
}

async fn consumers_of_one_tenant_share_a_budget(envoy_workers: u32) {
    let budget = json!({ "requests_per_minute": 2 });
    let config = json!({
        "consumer_header": "x-consumer",
        "consumers": [
            { "credential_sha256": GOLD, "tenant": "team", "budget": budget },
            { "credential_sha256": SILVER, "tenant": "team", "budget": budget },
            { "name": "alone", "budget": budget },
        ],
    });
    let spillway = telling(envoy_workers, config).start().await;
    let statuses =
        async |headers: &[(&'static str, &str)]| spillway.client.send(with(chat(1), headers)).await.status;
    assert_eq!(statuses(&[("authorization", "Bearer sk-gold")]).await, 200);
    assert_eq!(statuses(&[("authorization", "Bearer sk-silver")]).await, 200);
    assert_eq!(statuses(&[("authorization", "Bearer sk-gold")]).await, 429, "the other one used it up");
    assert_eq!(statuses(&[("authorization", "Bearer sk-silver")]).await, 429);
    assert_eq!(statuses(&[("x-consumer", "alone")]).await, 200, "another tenant");
    assert_eq!(statuses(&[("authorization", "Bearer sk-other")]).await, 200, "nobody's budget");
    end(spillway).await;
}
