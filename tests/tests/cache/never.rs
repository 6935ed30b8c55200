//! What must never happen.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{Spillway, streamed_chat, with_one_and_two_envoy_workers};

use super::{ask, body, computed, is_hit, is_miss, rule, setup, status, with_header};

with_one_and_two_envoy_workers!(
    a_tenant_never_gets_anothers_answer,
    a_trusted_header_tells_tenants_apart,
    whatever_changes_the_answer_changes_the_key,
    a_new_release_never_answers_from_the_old_ones_entries,
    an_answer_of_another_release_is_not_stored,
    what_is_drawn_at_random_is_not_kept,
    an_error_is_not_kept,
    a_cut_stream_is_not_kept,
    a_body_that_is_no_plain_request_passes,
    a_long_body_passes,
    a_long_answer_goes_on_streaming_and_is_not_kept,
);

async fn a_tenant_never_gets_anothers_answer(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let of = |credential: &str| with_header(ask(&body("secrets")), "authorization", credential);
    is_miss(&spillway.client.send(of("Bearer a")).await);
    is_miss(&spillway.client.send(of("Bearer b")).await);
    is_miss(&spillway.client.send(ask(&body("secrets"))).await);
    is_miss(&spillway.client.send(with_header(ask(&body("secrets")), "x-api-key", "Bearer a")).await);
    is_hit(&spillway.client.send(of("Bearer a")).await);
    is_hit(&spillway.client.send(of("Bearer b")).await);
    assert_eq!(computed(&spillway).await, 4);
    spillway.end().await;
}

async fn a_trusted_header_tells_tenants_apart(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({ "tenant": { "header": "X-Tenant" } })).start().await;
    let of = |tenant: &str, credential: &str| {
        with_header(with_header(ask(&body("teams")), "x-tenant", tenant), "authorization", credential)
    };
    is_miss(&spillway.client.send(of("red", "Bearer a")).await);
    is_hit(&spillway.client.send(of("red", "Bearer b")).await);
    is_miss(&spillway.client.send(of("blue", "Bearer a")).await);
    spillway.end().await;
}

async fn whatever_changes_the_answer_changes_the_key(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let changes: [(&str, Value); 8] = [
        ("max_tokens", json!(5)),
        ("temperature", json!(0.0)),
        ("top_p", json!(0.5)),
        ("stop", json!(["x"])),
        ("stop", json!("x")),
        ("logprobs", json!(true)),
        ("n", json!(1)),
        ("messages", json!([{ "role": "system", "content": "Tell me about keys." }])),
    ];
    is_miss(&spillway.client.send(ask(&body("keys"))).await);
    for (field, value) in changes {
        let mut other = body("keys");
        other[field] = value;
        let answer = spillway.client.send(ask(&other)).await;
        assert_eq!(status(&answer), "spillway; fwd=miss", "{field}: {}", answer.status);
    }
    let mut other = ask(&body("keys"));
    *other.uri_mut() = other.uri().to_string().replace("completions", "completions?x=1").parse().unwrap();
    is_miss(&spillway.client.send(other).await);
    is_miss(&spillway.client.send(with_header(ask(&body("keys")), "host", "other.example.com")).await);
    is_hit(&spillway.client.send(ask(&body("keys"))).await);
    spillway.end().await;
}

async fn a_new_release_never_answers_from_the_old_ones_entries(envoy_workers: u32) {
    let setup = setup(envoy_workers, json!({ "release": "one", "debug_key": true }));
    let spillway = setup.start().await;
    let first = spillway.client.send(ask(&body("releases"))).await;
    let key = |answer: &spillway_harness::Answer| {
        let status = status(answer);
        status.split("key=\"").nth(1).expect("the key is told").split('"').next().unwrap().to_owned()
    };
    let old = key(&first);
    spillway.end().await;
    let spillway = setup.filter("response-cache", json!({ "release": "two" })).start().await;
    assert_ne!(key(&spillway.client.send(ask(&body("releases"))).await), old);
    spillway.end().await;
}

async fn an_answer_of_another_release_is_not_stored(envoy_workers: u32) {
    // Every answer of this worker says that it is nginx, which stands for a release here.
    let named = json!({ "release": "two", "release_header": "content-type" });
    let spillway = setup(envoy_workers, named).start().await;
    for _ in 0..2 {
        is_miss(&spillway.client.send(ask(&body("mix-ups"))).await);
    }
    assert_eq!(spillway.stats().await.own("spillway.response_cache.unstorable_other_release_total"), 2);
    spillway.end().await;
}

async fn what_is_drawn_at_random_is_not_kept(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    for (temperature, reason) in [(json!(0.7), "not_deterministic"), (Value::Null, "not_deterministic")] {
        let mut warm = body("dice");
        warm["temperature"] = temperature;
        for _ in 0..2 {
            let status = status(&spillway.client.send(ask(&warm)).await);
            assert_eq!(status, format!("spillway; fwd=bypass; detail={reason}"));
        }
    }
    assert_eq!(computed(&spillway).await, 4);
    spillway.end().await;
}

async fn an_error_is_not_kept(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).workers(1).start().await;
    let worker = &spillway.workers[0];
    for code in [400, 404, 429, 500] {
        worker.behave(json!({ "fault": { "status": { "code": code } } })).await;
        let about = body(&format!("errors {code}"));
        assert_eq!(spillway.client.send(ask(&about)).await.status, code);
        worker.behave(json!({ "fault": "none" })).await;
        is_miss(&spillway.client.send(ask(&about)).await);
        is_hit(&spillway.client.send(ask(&about)).await);
    }
    spillway.end().await;
}

async fn a_cut_stream_is_not_kept(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).workers(1).start().await;
    let mut streamed = body("endings");
    streamed["stream"] = json!(true);
    for fault in [json!("truncate"), json!({ "reset_after_events": { "n": 2 } })] {
        spillway.workers[0].behave(json!({ "fault": fault })).await;
        spillway.client.try_send(ask(&streamed)).await.ok();
    }
    spillway.workers[0].behave(json!({ "fault": "none" })).await;
    let whole = spillway.client.send(ask(&streamed)).await;
    is_miss(&whole);
    assert!(whole.text().ends_with("data: [DONE]\n\n"));
    is_hit(&spillway.client.send(ask(&streamed)).await);
    spillway.end().await;
}

/// Sends a body as it is.
async fn send(spillway: &Spillway, content_type: &str, body: &'static [u8]) -> spillway_harness::Answer {
    let request = Request::post("/v1/chat/completions").header("content-type", content_type);
    let request = request.body(Full::new(Bytes::from_static(body))).unwrap();
    tokio::time::timeout(Duration::from_secs(20), spillway.client.send(request)).await.expect("no hang")
}

async fn a_body_that_is_no_plain_request_passes(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({})).start().await;
    let json = "application/json";
    for (content_type, body, reason) in [
        (json, &b""[..], "content_type"),
        (json, b"{", "not_json"),
        (json, b"[]", "not_an_object"),
        (json, b"\xff\xfe", "not_utf8"),
        (json, b"{\"temperature\":0,\"temperature\":1}", "duplicate_name"),
        ("multipart/form-data; boundary=x", b"--x--", "content_type"),
        ("application/grpc", b"\0\0\0\0\0", "content_type"),
    ] {
        let answer = send(&spillway, content_type, body).await;
        assert!(answer.status >= 400, "the worker refuses {body:?}");
        let expected = format!("spillway; fwd=bypass; detail={reason}");
        assert_eq!(status(&answer), expected, "{content_type}: {body:?}");
    }
    // A path that is not understood.
    let answer = spillway.client.get("/v1/models").await;
    assert_eq!((answer.status, status(&answer).as_str()), (200, "spillway; fwd=method; detail=method"));
    spillway.end().await;
}

async fn a_long_body_passes(envoy_workers: u32) {
    let spillway = setup(envoy_workers, json!({ "max_body_bytes": 10_000 })).start().await;
    let mut long = body("length");
    long["messages"][0]["content"] = json!("x".repeat(300_000));
    for _ in 0..2 {
        let answer = spillway.client.send(ask(&long)).await;
        assert_eq!(status(&answer), "spillway; fwd=bypass; detail=body_too_large", "{}", answer.status);
    }
    spillway.end().await;
}

async fn a_long_answer_goes_on_streaming_and_is_not_kept(envoy_workers: u32) {
    let rules = rule(json!({ "cacheable": "all" }));
    let spillway = setup(envoy_workers, rules)
        .filter("response-cache", json!({ "max_entry_bytes": 1_024 }))
        .start()
        .await;
    for _ in 0..2 {
        let mut stream = spillway.client.stream(streamed_chat(200)).await;
        let events = stream.rest().await.unwrap();
        assert!(events.len() > 100, "{}", events.len());
        assert_eq!(stream.header("cache-status"), "spillway; fwd=miss");
    }
    assert_eq!(spillway.stats().await.own("spillway.response_cache.unstorable_answer_too_large_total"), 2);
    assert_eq!(computed(&spillway).await, 2);
    spillway.end().await;
}
