//! Clients that say for how long they wait, and clients that say nonsense.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use spillway_harness::{chat, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, own, pool, sent, until};

with_one_and_two_envoy_workers!(
    who_waits_for_no_time_is_refused_only_where_it_would_have_to_wait,
    nonsense_is_as_if_it_were_not_there,
);

/// Clients that wait for no time at all, or whose time is over before anybody could be served.
const NO_TIME: [(&str, &str); 5] = [
    ("grpc-timeout", "0n"),
    ("grpc-timeout", "1n"),
    ("x-stainless-timeout", "0"),
    ("x-stainless-read-timeout", "0.0000001"),
    ("x-timeout-ms", "0"),
];

/// What is no time, and times beyond all measure.
const NONSENSE: [(&str, &str); 10] = [
    ("x-stainless-timeout", "-3"),
    ("x-stainless-timeout", "abc"),
    ("x-stainless-read-timeout", "NaN"),
    ("x-stainless-read-timeout", "99999999999999999999999999999999999999999999"),
    ("x-stainless-timeout", "1e308"),
    ("grpc-timeout", "-1S"),
    ("grpc-timeout", "S"),
    ("grpc-timeout", "99999999H"),
    ("x-timeout-ms", "-1"),
    ("x-timeout-ms", "18446744073709551616"),
];

fn with((name, value): (&'static str, &str)) -> Request<Full<Bytes>> {
    let mut request = chat(1);
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

async fn who_waits_for_no_time_is_refused_only_where_it_would_have_to_wait(envoy_workers: u32) {
    let config = json!({ "timeout_header": "x-timeout-ms", "max_wait_ms": 60_000 });
    let spillway = held_to(envoy_workers, 1, config).start().await;
    for header in NO_TIME {
        assert_eq!(spillway.client.send(with(header)).await.status, 200, "{header:?}");
        // The permit comes back a moment after the answer's last byte.
        until(&spillway, &pool("admitted"), 0).await;
    }
    let held = hold(&spillway).await;
    for header in NO_TIME {
        let answer = spillway.client.send(with(header)).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &json!("deadline")), "{header:?}");
    }
    assert_eq!(spillway.stats().await.own(&own("refused_deadline_total")), NO_TIME.len() as u64);
    drop(held);
    end(spillway).await;
}

async fn nonsense_is_as_if_it_were_not_there(envoy_workers: u32) {
    let config = json!({ "timeout_header": "x-timeout-ms", "max_wait_ms": 60_000 });
    let spillway = held_to(envoy_workers, 1, config).start().await;
    let held = hold(&spillway).await;
    let waits: Vec<_> = NONSENSE.map(|header| sent(&spillway, with(header))).into_iter().collect();
    until(&spillway, &pool("waiting"), NONSENSE.len() as u64).await;
    drop(held);
    for (request, header) in waits.into_iter().zip(NONSENSE) {
        assert_eq!(request.await.unwrap(), 200, "{header:?}");
    }
    end(spillway).await;
}
