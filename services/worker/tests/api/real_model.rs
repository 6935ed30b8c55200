//! The default model itself. `SPILLWAY_MODEL` names its file.

use crate::harness::{get, object, post, process, streamed_text};
use candle_core::Device;
use serde_json::{Value, json};
use spillway_fixtures::{Reply, Service, eventually};
use spillway_inference::request::CompletionRequest;
use spillway_worker::engine::device::Compute;
use spillway_worker::engine::model::{Config, Model, Source};
use spillway_worker::engine::{Engine, Event, Job, Prompt, Readiness};
use spillway_worker::metrics::Metrics;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const NAME: &str = "smollm2-135m-instruct";

/// The worker, once it is ready, and where it listens.
fn start(cache: &str) -> (Service, SocketAddr) {
    start_with(cache, &[])
}

/// The same with more options.
fn start_with(cache: &str, options: &[&str]) -> (Service, SocketAddr) {
    let file =
        std::env::var("SPILLWAY_MODEL").expect("SPILLWAY_MODEL names the file of SmolLM2-135M-Instruct");
    let mut worker = process(&[&["--model-file", file.as_str(), "--cache-dir", cache], options].concat());
    let address = worker.address();
    let deadline = Instant::now() + Duration::from_secs(120);
    while get(address, "/ready").status != 200 {
        assert!(Instant::now() < deadline, "the model does not load: {}", worker.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    (worker, address)
}

fn ask(worker: SocketAddr, question: &str, fields: Value) -> Reply {
    let messages = json!([{"role": "user", "content": question}]);
    let mut body = json!({"model": NAME, "temperature": 0, "messages": messages});
    body.as_object_mut().unwrap().extend(object(fields));
    post(worker, "/v1/chat/completions", &body)
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn it_answers_sensibly_and_the_same_in_every_way() {
    let cache = tempfile::tempdir().unwrap();
    let (worker, address) = start(cache.path().to_str().unwrap());
    // How far an answer goes on is a matter of the last bits of a product; what it begins with is not.
    let question = "What is 2+2?";
    let plain = ask(address, question, json!({"max_tokens": 20})).json();
    let text = plain["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains('4'), "{text}");
    assert_eq!(plain["usage"]["prompt_tokens"], 37);
    let prompt = "The first president of the United States was George";
    let known = json!({"model": NAME, "temperature": 0, "max_tokens": 2, "prompt": prompt});
    let known = post(address, "/v1/completions", &known).json();
    assert!(known["choices"][0]["text"].as_str().unwrap().starts_with(" Washington"), "{known}");

    let streamed = ask(address, question, json!({"max_tokens": 20, "stream": true}));
    assert_eq!(streamed_text(&streamed), text);
    assert_eq!(streamed.events().last().unwrap(), "[DONE]");

    let stopped = ask(address, question, json!({"max_tokens": 20, "stop": "4"})).json();
    assert_eq!(stopped["choices"][0]["message"]["content"], text.split('4').next().unwrap());
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");

    let seeded = || ask(address, "Tell me a story.", json!({"temperature": 1, "seed": 3, "max_tokens": 12}));
    assert_eq!(seeded().json()["choices"], seeded().json()["choices"]);

    let likely =
        ask(address, question, json!({"max_tokens": 20, "logprobs": true, "top_logprobs": 20})).json();
    let places = likely["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let tokens: String = places.iter().map(|place| place["token"].as_str().unwrap()).collect();
    assert_eq!(tokens, text);
    for place in places {
        let share = |candidate: &Value| candidate["logprob"].as_f64().unwrap().exp();
        let top = place["top_logprobs"].as_array().unwrap();
        assert_eq!((top.len(), &top[0]["token"]), (20, &place["token"]), "greedy: the likeliest is taken");
        let sum: f64 = top.iter().map(share).sum();
        assert!(sum > 0.3 && sum < 1.0001, "twenty of 49,152 tokens: {sum}");
    }

    let behaviour = get(address, "/simulated/behaviour");
    assert_eq!(behaviour.status, 404, "a real engine does not misbehave on demand");
    assert!(!worker.log().contains("story"));
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn the_second_start_takes_what_the_first_one_kept() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().to_str().unwrap();
    let (first, here) = start(cache);
    assert!(first.log().contains("the requantised model is kept"), "{}", first.log());
    let (second, there) = start(cache);
    assert!(!second.log().contains("the requantised model is kept"), "{}", second.log());
    let answer = |worker| ask(worker, "Say hello.", json!({"max_tokens": 8})).json()["choices"].clone();
    assert_eq!(answer(here), answer(there));
}

/// Requests that run at the same time.
const SLOTS: usize = 8;

/// What is asked, of lengths and in ways that differ.
fn question(number: usize) -> (String, Value) {
    let about =
        ["the sea", "bread", "a clock that runs backwards", "Paris", "why leaves are green", "trains"];
    let about = about[number % about.len()];
    let more = "Think of everything that you know about it. ".repeat(number % 5);
    let temperature = if number.is_multiple_of(2) { 0.0 } else { 1.0 };
    let mut fields = json!({"temperature": temperature, "seed": number, "max_tokens": 6 + number % 13});
    if number.is_multiple_of(3) {
        (fields["logprobs"], fields["top_logprobs"]) = (json!(true), json!(5));
    }
    (format!("Number {number}: tell me something about {about}. {more}"), fields)
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn an_answer_is_the_same_alone_and_among_others() {
    let cache = tempfile::tempdir().unwrap();
    let (worker, address) = start(cache.path().to_str().unwrap());
    let answer = |number| {
        let (question, fields) = question(number);
        ask(address, &question, fields).json()["choices"].clone()
    };
    let alone: Vec<_> = (0..100).map(answer).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SLOTS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(alone) = alone.get(number) else { return };
                    assert_eq!(answer(number), *alone, "request {number}");
                }
            });
        }
    });
    assert!(!worker.log().contains("ERROR"), "{}", worker.log());
}

/// Twenty prompts that ask for something.
const WISHES: [&str; 20] = [
    "Give me a person with a name and an age as JSON.",
    "Describe a cat as a JSON object.",
    "What is the capital of France? Answer as JSON.",
    "List three colours in JSON.",
    "A JSON object with the weather in Oslo, please.",
    "Translate good morning into Spanish, as JSON.",
    "Tell me a joke.",
    "Write a short poem about rivers.",
    "What is 2+2?",
    "Who wrote Hamlet? JSON only.",
    "A shopping list for bread and soup as JSON.",
    "Give me the days of the week.",
    "A book with title, author and year as JSON.",
    "Say hello.",
    "Which planets are there? Use JSON.",
    "A recipe for tea as a JSON object with steps.",
    "Is the sky blue? Answer with JSON.",
    "Describe yourself in JSON with one field.",
    "A JSON configuration for a web server.",
    "How do trains stay on their rails?",
];

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn in_json_mode_whatever_is_asked_the_answer_is_an_object() {
    let cache = tempfile::tempdir().unwrap();
    let (worker, address) = start(cache.path().to_str().unwrap());
    let mut whole = 0;
    for (number, wish) in WISHES.iter().enumerate() {
        let temperature = if number.is_multiple_of(2) { 0.0 } else { 1.0 };
        let fields = json!({
            "response_format": {"type": "json_object"}, "temperature": temperature, "seed": number, "max_tokens": 150,
        });
        let choice = ask(address, wish, fields).json()["choices"][0].clone();
        let text = choice["message"]["content"].as_str().unwrap();
        println!("{} {text}", choice["finish_reason"]);
        match serde_json::from_str::<Value>(text) {
            Ok(value) => assert!(value.is_object(), "{wish}: {text}"),
            Err(error) => {
                assert!(choice["finish_reason"] == "length" && error.is_eof(), "{wish}: {error} in {text}");
            }
        }
        whole += usize::from(choice["finish_reason"] == "stop");
    }
    assert!(whole >= 5, "only {whole} came to their end: the test shows little");
    assert!(!worker.log().contains("ERROR"), "{}", worker.log());
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn a_schema_is_kept_to() {
    let cache = tempfile::tempdir().unwrap();
    let (_worker, address) = start(cache.path().to_str().unwrap());
    let schema = json!({
        "$defs": {"mood": {"enum": ["calm", "wild", "frozen"]}},
        "type": "object",
        "properties": {
            "mood": {"$ref": "#/$defs/mood"},
            "metres": {"type": "integer", "minimum": 0, "maximum": 9999},
        },
        "required": ["mood", "metres"],
        "additionalProperties": false,
    });
    let format = |schema: &Value| json!({"type": "json_schema", "json_schema": {"name": "river", "schema": schema, "strict": true}});
    let mut answers = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let fields = json!({
            "response_format": format(&schema), "temperature": f64::from(seed % 3), "seed": seed, "max_tokens": 60,
            "top_k": 1 + seed, "repetition_penalty": 1.1, "stream": seed % 2 == 0,
        });
        let reply = ask(address, "How is the river today, and how deep is it?", fields);
        let text = if seed % 2 == 0 {
            streamed_text(&reply)
        } else {
            reply.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
        };
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(["calm", "wild", "frozen"].map(Value::from).contains(&value["mood"]), "{text}");
        assert!(value["metres"].as_u64().is_some_and(|metres| metres <= 9999), "{text}");
        answers.insert(text);
    }
    assert!(answers.len() > 1, "{answers:?}");
    let refused = ask(address, "x", json!({"response_format": format(&json!({"type": "river"}))}));
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (400, &json!("response_format.json_schema.schema"))
    );
    assert_eq!(refused.json()["error"]["message"], "response_format.json_schema.schema: Invalid type: river");
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "needs the model: cargo xtask test runs it"]
fn memory_for_keys_and_values_is_taken_when_it_is_needed() {
    let cache = tempfile::tempdir().unwrap();
    let (worker, _address) = start_with(cache.path().to_str().unwrap(), &["--kv-cache-mib", "4096"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let mib = line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() / 1024;
    assert!(mib < 1500, "{mib} MiB");
}

/// The forward pass that a GPU has, on the processor.
#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn by_the_librarys_operations_it_knows_the_same() {
    let file =
        std::env::var("SPILLWAY_MODEL").expect("SPILLWAY_MODEL names the file of SmolLM2-135M-Instruct");
    let cache = tempfile::tempdir().unwrap();
    let config = Config {
        name: NAME.to_owned(),
        source: Source::File(file.into()),
        compute: Compute::Tensors(Device::Cpu),
        budget: None,
        cache_dir: Some(cache.path().to_owned()),
        slots: 2,
        queue: 2,
        kv_cache_bytes: 16 << 20,
        max_prompt_tokens: 100,
        default_output_tokens: 2,
        step_limit: Duration::from_secs(60),
    };
    let (model, _failure) = Model::start(config, &Metrics::default()).unwrap();
    eventually("the model is loaded", || model.readiness() == Readiness::Ready);
    let ask = async |prompt: &str| {
        let request = json!({"model": NAME, "temperature": 0, "prompt": prompt}).to_string();
        let options = CompletionRequest::parse(request.as_bytes()).unwrap().options;
        let mut answer = model.submit(Job::new(Prompt::Text(prompt.to_owned()), &options)).await.unwrap();
        let mut text = String::new();
        while let Some(event) = answer.events.recv().await {
            if let Event::Text { text: more, .. } = event {
                text.push_str(&more);
            }
        }
        text
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (president, capital) = tokio::join!(
            ask("The first president of the United States was George"),
            ask("The capital of France is"),
        );
        assert!(president.starts_with(" Washington"), "{president}");
        assert!(capital.starts_with(" Paris"), "{capital}");
    });
}
