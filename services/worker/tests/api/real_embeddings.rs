//! The default models together. `SPILLWAY_MODEL` names the file of the one, `SPILLWAY_EMBEDDING_MODEL` the folder of the
//! other.

use crate::harness::{get, post, process};
use serde_json::{Value, json};
use spillway_fixtures::{Reply, Service};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const NAME: &str = "all-minilm-l6-v2";

fn text_model() -> String {
    std::env::var("SPILLWAY_MODEL").expect("SPILLWAY_MODEL names the file of SmolLM2-135M-Instruct")
}

fn embedding_model() -> String {
    std::env::var("SPILLWAY_EMBEDDING_MODEL")
        .expect("SPILLWAY_EMBEDDING_MODEL names the folder of all-MiniLM-L6-v2")
}

/// The worker with both models, once it is ready, and where it listens.
fn start() -> (Service, SocketAddr, tempfile::TempDir) {
    let cache = tempfile::tempdir().unwrap();
    let (text, vectors) = (text_model(), embedding_model());
    let kept = cache.path().to_str().unwrap();
    // 170 MiB of weights, 64 of keys and values, 87 of weights.
    let memory = ["--kv-cache-mib", "64", "--memory-mib", "350"];
    let models = ["--model-file", &text, "--cache-dir", kept, "--embedding-model-dir", &vectors];
    let mut worker = process(&[&models[..], &memory].concat());
    let address = worker.address();
    let deadline = Instant::now() + Duration::from_secs(120);
    while get(address, "/ready").status != 200 {
        assert!(Instant::now() < deadline, "the models do not load: {}", worker.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    (worker, address, cache)
}

fn embed(worker: SocketAddr, input: &Value) -> Reply {
    post(worker, "/v1/embeddings", &json!({"model": NAME, "input": input}))
}

fn vectors(reply: &Reply) -> Vec<Vec<f64>> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let numbers = |item: &Value| {
        let numbers = item["embedding"].as_array().unwrap().iter();
        numbers.map(|number| number.as_f64().unwrap()).collect()
    };
    reply.json()["data"].as_array().unwrap().iter().map(numbers).collect()
}

fn nearness(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The first eight numbers and the last three of each sentence's vector, by Hugging Face's own BERT (transformers 4.44.2,
/// `FlaxBertModel` in 32 bits and `BertTokenizer`), mean and length 1 by hand.
const REFERENCE: [(&str, u32, [f64; 11]); 4] = [
    (
        "a cat sits on the mat",
        8,
        [
            0.128725, -0.032673, -0.022916, 0.040231, -0.035454, 0.031558, 0.049991, 0.028024, 0.039389,
            0.011179, 0.063007,
        ],
    ),
    (
        "a kitten lies on the rug",
        8,
        [
            0.029033, 0.043561, 0.032353, 0.054884, -0.020121, 0.028856, -0.030370, -0.000314, -0.000778,
            0.008379, 0.027425,
        ],
    ),
    (
        "interest rates rose",
        5,
        [
            0.012352, -0.057720, -0.034090, -0.016312, 0.016550, -0.055377, -0.083446, 0.026341, -0.069542,
            -0.057278, 0.005725,
        ],
    ),
    (
        "Zürich's café: naïve 漢字 — 🙂 unbelievably supercalifragilistic!",
        24,
        [
            0.013829, 0.028230, 0.012619, 0.012629, 0.064430, 0.007582, -0.003842, -0.021229, -0.042209,
            -0.056030, 0.036359,
        ],
    ),
];

#[test]
#[ignore = "needs the models: cargo xtask test runs it"]
fn vectors_are_those_of_another_program() {
    let (worker, address, _cache) = start();
    let mut texts: Vec<String> = REFERENCE.iter().map(|(text, ..)| (*text).to_owned()).collect();
    // One that is much longer than the others.
    texts.push("the quick brown fox jumps over the lazy dog. ".repeat(18));
    let together = vectors(&embed(address, &json!(texts)));
    for ((text, tokens, expected), vector) in REFERENCE.iter().zip(&together) {
        let ends = vector[..8].iter().chain(&vector[381..]);
        for (number, expected) in ends.zip(expected) {
            assert!((number - expected).abs() < 1e-4, "{text}: {number}, expected {expected}");
        }
        let alone = embed(address, &json!(text));
        assert_eq!(alone.json()["usage"]["prompt_tokens"], *tokens, "{text}");
        for (number, together) in vectors(&alone)[0].iter().zip(vector) {
            assert!((number - together).abs() < 1e-5, "{text}: alone it is another one");
        }
    }
    let [cat, kitten, rates, ..] = together.as_slice() else { panic!("too few vectors") };
    assert!((nearness(cat, kitten) - 0.55383).abs() < 1e-3, "{}", nearness(cat, kitten));
    assert!(nearness(cat, kitten) > nearness(cat, rates) + 0.3);
    assert!(!worker.log().contains("kitten"));
}

#[test]
#[ignore = "needs the models: cargo xtask test runs it"]
fn both_models_answer_and_long_inputs_are_refused() {
    let (worker, address, _cache) = start();
    let names = get(address, "/v1/models").json();
    assert_eq!(
        (&names["data"][0]["id"], &names["data"][1]["id"]),
        (&json!("smollm2-135m-instruct"), &json!(NAME))
    );
    let prompt =
        json!({"model": "smollm2-135m-instruct", "prompt": "One, two,", "max_tokens": 3, "temperature": 0});
    let many = json!(vec!["a sentence of some words about nothing"; 200]);
    std::thread::scope(|scope| {
        let texts = scope.spawn(|| post(address, "/v1/completions", &prompt));
        assert_eq!(vectors(&embed(address, &many)).len(), 200);
        assert_eq!(texts.join().unwrap().status, 200);
    });
    let long = embed(address, &json!(["a", "word ".repeat(255)]));
    let message = "input[1]: has 257 tokens, the limit is 256 for each input";
    assert_eq!((long.status, &long.json()["error"]["message"]), (400, &json!(message)));
    assert_eq!(vectors(&embed(address, &json!("word ".repeat(254))))[0].len(), 384);
    let wrong = embed(address, &json!([[101, 30522, 102]]));
    let message = "input[0][1]: expected a token of the model, an integer from 0 to 30521, got 30522";
    assert_eq!((wrong.status, &wrong.json()["error"]["message"]), (400, &json!(message)));
    assert!(!worker.log().contains("ERROR"), "{}", worker.log());
}

#[test]
#[ignore = "needs the models: cargo xtask test runs it"]
fn models_that_do_not_fit_are_refused_with_what_each_needs() {
    let (text, vectors) = (text_model(), embedding_model());
    let mut worker =
        process(&["--model-file", &text, "--embedding-model-dir", &vectors, "--memory-mib", "600"]);
    assert_eq!(worker.wait().code(), Some(1));
    let log = worker.log();
    let vectors = "and the memory budget is 600 MiB; all-minilm-l6-v2 needs 87 MiB of weights; smollm2-135m-instruct needs ";
    assert!(log.contains(vectors), "{log}");
    assert!(log.contains(" MiB of weights and 512 MiB of keys and values"), "{log}");
}
