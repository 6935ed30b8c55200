//! The default model itself. `SPILLWAY_MODEL` names its file.

use crate::harness::{Client, Process, get, object};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NAME: &str = "smollm2-135m-instruct";

fn start(cache: &str) -> Process {
    let file =
        std::env::var("SPILLWAY_MODEL").expect("SPILLWAY_MODEL names the file of SmolLM2-135M-Instruct");
    let worker = Process::start(&["--model-file", &file, "--cache-dir", cache]);
    let address = worker.address();
    let deadline = Instant::now() + Duration::from_secs(120);
    while get(address, "/ready").status != 200 {
        assert!(Instant::now() < deadline, "the model does not load: {}", worker.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    worker
}

fn ask(worker: &Process, question: &str, fields: Value) -> Client {
    let messages = json!([{"role": "user", "content": question}]);
    let mut body = json!({"model": NAME, "temperature": 0, "messages": messages});
    body.as_object_mut().unwrap().extend(object(fields));
    Client::post(worker.address(), "/v1/chat/completions", &body)
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn it_answers_sensibly_and_the_same_in_every_way() {
    let cache = tempfile::tempdir().unwrap();
    let worker = start(cache.path().to_str().unwrap());
    let plain = ask(&worker, "What is 2+2?", json!({})).reply().json();
    let text = plain["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains('4'), "{text}");
    assert_eq!(plain["choices"][0]["finish_reason"], "stop");
    assert_eq!(plain["usage"]["prompt_tokens"], 37);

    let streamed = ask(&worker, "What is 2+2?", json!({"stream": true})).reply();
    assert_eq!(streamed.streamed_text(), text);
    assert_eq!(streamed.events().last().unwrap(), "[DONE]");

    let stopped = ask(&worker, "What is 2+2?", json!({"stop": "4"})).reply().json();
    assert_eq!(stopped["choices"][0]["message"]["content"], text.split('4').next().unwrap());

    let seeded = || ask(&worker, "Tell me a story.", json!({"temperature": 1, "seed": 3, "max_tokens": 12}));
    assert_eq!(seeded().reply().json()["choices"], seeded().reply().json()["choices"]);

    let behaviour = get(worker.address(), "/simulated/behaviour");
    assert_eq!(behaviour.status, 404, "a real engine does not misbehave on demand");
    assert!(!worker.log().contains("story"));
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn the_second_start_takes_what_the_first_one_kept() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().to_str().unwrap();
    let first = start(cache);
    assert!(first.log().contains("the requantised model is kept"), "{}", first.log());
    let second = start(cache);
    assert!(!second.log().contains("the requantised model is kept"), "{}", second.log());
    let answer =
        |worker| ask(worker, "Say hello.", json!({"max_tokens": 8})).reply().json()["choices"].clone();
    assert_eq!(answer(&first), answer(&second));
}
