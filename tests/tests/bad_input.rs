//! Bad input through the whole chain: a clear error or a clean end, no trap, no lost count.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use spillway_harness::{
    MODEL, Setup, Spillway, eventually, hurry, streamed_chat, with_one_and_two_envoy_workers,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

with_one_and_two_envoy_workers!(
    bodies_get_an_error_in_openais_shape,
    headers_that_are_not_text,
    clients_that_go_away,
);

async fn start(envoy_workers: u32) -> Spillway {
    // With rules the filters read host, path and method.
    let rules = json!({ "rules": [{ "match": { "hosts": ["*.example"], "path_prefix": "/x", "methods": ["PUT"] }, "mode": "off" }] });
    let setup = Setup::new(envoy_workers).filter("endpoint-picker", rules.clone());
    setup.filter("circuit-breaker", rules).start().await
}

fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    request.body(Full::from(body.into())).unwrap()
}

async fn bodies_get_an_error_in_openais_shape(envoy_workers: u32) {
    let spillway = start(envoy_workers).await;
    let hello = json!([{ "role": "user", "content": "Hello." }]);
    let chat = |model: Value, messages: Value, extra: Value| {
        let mut body = json!({ "model": model, "messages": messages });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body.to_string()
    };
    let long = "x".repeat(2 << 20);
    for (what, body, status, code) in [
        ("no body", String::new(), 400, "invalid_request"),
        ("half a body", r#"{"model": "#.into(), 400, "invalid_request"),
        ("no json", "<chat/>".into(), 400, "invalid_request"),
        ("not an object", "[]".into(), 400, "invalid_request"),
        ("nothing in it", "{}".into(), 400, "invalid_request"),
        ("a model that is a number", chat(json!(7), hello.clone(), json!({})), 400, "invalid_request"),
        ("messages that are a text", chat(json!(MODEL), json!("Hello."), json!({})), 400, "invalid_request"),
        (
            "a role nobody has",
            chat(json!(MODEL), json!([{ "role": 1, "content": "" }]), json!({})),
            400,
            "invalid_request",
        ),
        ("no messages", chat(json!(MODEL), json!([]), json!({})), 400, "invalid_request"),
        (
            "stream that is a text",
            chat(json!(MODEL), hello.clone(), json!({ "stream": "yes" })),
            400,
            "invalid_request",
        ),
        (
            "fewer than no tokens",
            chat(json!(MODEL), hello.clone(), json!({ "max_tokens": -1 })),
            400,
            "invalid_request",
        ),
        ("too hot", chat(json!(MODEL), hello.clone(), json!({ "temperature": 1e9 })), 400, "invalid_request"),
        ("a model nobody has", chat(json!("gpt-9"), hello.clone(), json!({})), 404, "model_not_found"),
        (
            "an empty prompt",
            chat(json!(MODEL), json!([{ "role": "user", "content": "" }]), json!({})),
            400,
            "invalid_request",
        ),
        (
            "a prompt over the limit",
            chat(json!(MODEL), json!([{ "role": "user", "content": &long[..900_000] }]), json!({})),
            400,
            "context_length_exceeded",
        ),
        (
            "a body over the limit",
            chat(json!(MODEL), json!([{ "role": "user", "content": long }]), json!({})),
            413,
            "body_too_large",
        ),
    ] {
        let answer = spillway.client.send(post(body)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        let error = answer.json()["error"].take();
        assert_eq!(error["code"], code, "{what}: {error}");
        assert_eq!(error["type"], "invalid_request_error", "{what}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{what}: {error}");
    }
    let answer = spillway.client.send(post(&b"{\"model\": \"\xff\xfe\"}"[..])).await;
    assert_eq!(answer.status, 400, "a body that is not UTF-8: {}", answer.text());
    let other_type = Request::post("/v1/chat/completions").header("content-type", "text/plain");
    let answer = spillway.client.send(other_type.body(Full::from("{}")).unwrap()).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].clone()),
        (415, json!("unsupported_media_type"))
    );
    let answer = spillway.client.get("/v1/chat/completions").await;
    assert_eq!((answer.status, answer.json()["error"]["code"].clone()), (405, json!("method_not_allowed")));
    spillway.end().await;
}

/// Sends bytes and reads what comes until the other side closes, or has nothing more to say.
async fn talk(spillway: &Spillway, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(spillway.api()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
        .await
        .expect("an end")
        .ok();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn headers_that_are_not_text(envoy_workers: u32) {
    let spillway = start(envoy_workers).await;
    let body =
        json!({ "model": MODEL, "messages": [{ "role": "user", "content": "Hello." }], "max_tokens": 2 })
            .to_string();
    let request = |line: &[u8], host: &[u8], extra: &[u8]| {
        let length = format!("Content-Length: {}\r\nConnection: close\r\n", body.len());
        [line, b"\r\nHost: ", host, b"\r\n", extra, length.as_bytes(), b"\r\n", body.as_bytes()].concat()
    };
    let line = b"POST /v1/chat/completions HTTP/1.1";
    let json_type = b"Content-Type: application/json\r\n";
    for (what, bytes, statuses) in [
        (
            "a header of any bytes",
            request(line, b"h", &[&json_type[..], b"X-Any: \xff\xfe\x80\r\n"].concat()),
            &["200", "400"][..],
        ),
        (
            "a destination of any bytes",
            request(line, b"h", &[&json_type[..], b"X-Gateway-Destination-Endpoint: \xff\r\n"].concat()),
            &["200", "400"],
        ),
        ("a host of any bytes", request(line, b"\xff\xfe.example", json_type), &["200", "400"]),
        ("a path of any bytes", request(b"POST /v1/\xff\xfe HTTP/1.1", b"h", json_type), &["400", "404"]),
        ("a content type of any bytes", request(line, b"h", b"Content-Type: \xff\r\n"), &["400", "415"]),
        (
            "a method nobody has",
            request(b"BREW /v1/chat/completions HTTP/1.1", b"h", json_type),
            &["400", "405"],
        ),
        ("no http at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &["400"]),
    ] {
        let answer = talk(&spillway, &bytes).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(statuses.contains(&status), "{what}: {answer}");
        println!("{what}: {status}");
    }
    assert_eq!(spillway.client.get("/v1/models").await.status, 200, "and it goes on");
    spillway.end().await;
}

async fn nothing_in_flight_at_workers(spillway: &Spillway) {
    eventually("the workers have nothing to do", hurry(), async || {
        for worker in &spillway.workers {
            let counts = worker.counts().await;
            if counts.in_flight > 0 {
                return Err(format!("{counts:?}"));
            }
        }
        Ok(())
    })
    .await;
}

async fn clients_that_go_away(envoy_workers: u32) {
    let engine =
        "--engine simulated --slots 64 --base-latency-ms 200 --decode-tokens-per-s 20 --headers-first";
    let spillway = Setup::new(envoy_workers).engine(engine).start().await;
    let head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";
    for sent in [&head[..20], &head[..], &[&head[..], b"{\"model\": "].concat()] {
        let mut stream = TcpStream::connect(spillway.api()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        drop(stream);
    }
    let mut streams = Vec::new();
    for number in 0..12 {
        let mut stream = spillway.client.stream(streamed_chat(1000)).await;
        assert_eq!(stream.status, 200);
        for _ in 0..number % 3 {
            stream.next().await.unwrap();
        }
        streams.push(stream);
    }
    let busy: u64 = spillway.stats().await.in_flight("inference").values().sum();
    assert!(busy >= 12, "{busy} in flight");
    drop(streams);
    nothing_in_flight_at_workers(&spillway).await;
    spillway.until_idle(hurry()).await;
    spillway.end().await;
}
