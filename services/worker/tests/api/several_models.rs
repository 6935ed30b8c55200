//! Several language models in one worker. `SPILLWAY_MODEL` names the file that each of them is.

use crate::harness::{get, post, process};
use serde_json::{Value, json};
use spillway_fixtures::{Reply, Service, metric};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn file() -> String {
    std::env::var("SPILLWAY_MODEL").expect("SPILLWAY_MODEL names the file of SmolLM2-135M-Instruct")
}

/// A worker with the models `one` and `two`, which may take so much memory.
fn launch(cache: &str, memory_mib: &str) -> Service {
    let (file, two) = (file(), format!("two={}", file()));
    process(&[
        "--model-name",
        "one",
        "--model-file",
        &file,
        "--also-model",
        &two,
        "--cache-dir",
        cache,
        "--slots",
        "3",
        "--kv-cache-mib",
        "64",
        "--memory-mib",
        memory_mib,
    ])
}

fn complete(worker: SocketAddr, model: &str, tokens: u32) -> Reply {
    let prompt = "The first president of the United States was George";
    let request = json!({"model": model, "temperature": 0, "max_tokens": tokens, "prompt": prompt});
    post(worker, "/v1/completions", &request)
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn each_answers_under_its_name_and_counts_for_itself() {
    let cache = tempfile::tempdir().unwrap();
    // Each needs 170 MiB of weights on some processors and twice that on others, and 64 of keys and values.
    let mut worker = launch(cache.path().to_str().unwrap(), "900");
    let address = worker.address();
    let deadline = Instant::now() + Duration::from_secs(120);
    while get(address, "/ready").status != 200 {
        assert!(Instant::now() < deadline, "the models do not load: {}", worker.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let names: Vec<Value> = ["one", "two"].map(Value::from).into();
    let listed = get(address, "/v1/models").json();
    let listed: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(listed, names);
    std::thread::scope(|scope| {
        let answers =
            ["one", "two", "two"].map(|model| (model, scope.spawn(move || complete(address, model, 2))));
        for (model, answer) in answers {
            let answer = answer.join().unwrap().json();
            assert!(answer["choices"][0]["text"].as_str().unwrap().starts_with(" Washington"), "{answer}");
            assert_eq!(answer["model"], model);
        }
    });
    let value = |name: &str| metric(address, name).unwrap_or_else(|| panic!("there is no {name}"));
    let tokens = |model: &str| value(&format!("vllm:generation_tokens_total{{model_name=\"{model}\"}}"));
    assert_eq!((tokens("one"), tokens("two")), (2.0, 4.0));
    assert_eq!(value("spillway_worker_output_tokens_total"), 6.0);
    assert_eq!(value("spillway_worker_slots"), 6.0);
    let unknown = complete(address, "three", 1);
    let message = "model: \"three\" is not served here, expected \"one\" or \"two\"";
    assert_eq!((unknown.status, &unknown.json()["error"]["message"]), (404, &json!(message)));
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn they_share_one_memory() {
    let cache = tempfile::tempdir().unwrap();
    // Enough for either of them and not for both.
    let mut worker = launch(cache.path().to_str().unwrap(), "420");
    assert_eq!(worker.wait().code(), Some(1));
    let log = worker.log();
    assert!(log.contains("and the memory budget is 420 MiB; "), "{log}");
    for model in ["one", "two"] {
        assert!(log.contains(&format!("; {model} needs ")), "{log}");
    }
}
