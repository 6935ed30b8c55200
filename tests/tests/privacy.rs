//! Prompts, answers and credentials never appear in logs, statistics or errors.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use spillway_harness::{MODEL, Setup, hurry, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(a_secret_is_seen_nowhere);

const SECRET: &str = "s3cr3tm4rk3r";

fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("content-type", "application/json");
    request.header("authorization", format!("Bearer {SECRET}")).body(Full::from(body.into())).unwrap()
}

async fn a_secret_is_seen_nowhere(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).sheds(json!({})).start().await;
    let chat = "/v1/chat/completions";
    let messages = json!([{ "role": "system", "content": SECRET }, { "role": "user", "content": SECRET }]);
    let good = json!({ "model": MODEL, "messages": messages, "max_tokens": 3 }).to_string();
    let kept = json!({ "model": MODEL, "messages": messages, "max_tokens": 3, "temperature": 0 }).to_string();
    let half = &good[..good.len() - 5];
    for (path, body, status) in [
        (chat, good.as_str(), 200),
        (&format!("{chat}?api_key={SECRET}"), &good, 200),
        // Computed, and then answered from the cache.
        (chat, &kept, 200),
        (chat, &kept, 200),
        (&format!("/v1/nothing?api_key={SECRET}"), &good, 404),
        ("/v1/completions", &json!({ "model": MODEL, "prompt": SECRET, "max_tokens": 1 }).to_string(), 200),
        (chat, half, 400),
        (chat, SECRET, 400),
        (chat, &json!({ "model": MODEL, "messages": SECRET }).to_string(), 400),
        (
            chat,
            &json!({ "model": MODEL, "messages": [{ "role": "user", "content": { SECRET: 1 } }] })
                .to_string(),
            400,
        ),
        (chat, &json!({ "model": MODEL, "messages": messages, "max_tokens": SECRET }).to_string(), 400),
        (chat, &json!({ "model": MODEL, "messages": messages, "stream": SECRET }).to_string(), 400),
    ] {
        let answer = spillway.client.send(post(path, body.to_owned())).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(!answer.text().contains(SECRET), "an answer says: {}", answer.text());
        assert!(!format!("{:?}", answer.headers).contains(SECRET), "{:?}", answer.headers);
    }
    // An attempt that fails, a retry, and a client that leaves have lines of their own in logs.
    spillway.workers[0].behave(json!({ "fault": "reset_before_headers" })).await;
    spillway.workers[1].behave(json!({ "fault": { "status": { "code": 503 } } })).await;
    for _ in 0..10 {
        spillway.client.send(post(chat, good.clone())).await;
    }
    drop(spillway.client.stream(streamed_chat(500)).await);

    spillway.until_idle(hurry()).await;
    spillway.access_log_line("/v1/nothing").await;
    let answer = spillway.client.send(post(chat, good.clone())).await.json();
    let answer = answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert!(answer.split(' ').count() == 3, "words enough to be recognised: {answer}");
    let mut seen = vec![
        ("envoy's log".to_owned(), spillway.envoy.log()),
        ("the access log".to_owned(), spillway.envoy.access_log()),
        ("/stats".to_owned(), spillway.envoy.admin("/stats").await),
        ("/stats/prometheus".to_owned(), spillway.envoy.admin("/stats/prometheus").await),
        ("/clusters".to_owned(), spillway.envoy.admin("/clusters").await),
    ];
    for worker in &spillway.workers {
        seen.push((format!("the log of {}", worker.address()), worker.log()));
        seen.push((
            format!("the metrics of {}", worker.address()),
            worker.client().get("/metrics").await.text(),
        ));
    }
    for (place, text) in seen {
        let line = text.lines().find(|line| line.contains(SECRET) || line.contains(&answer));
        assert!(line.is_none(), "{place}: {line:?}");
    }
    spillway.end().await;
}
