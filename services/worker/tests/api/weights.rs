//! A model that comes through the weights cache.

use crate::harness::{chat, get, process};
use serde_json::json;
use spillway_backing::store::{Bucket, Credentials};
use spillway_fixtures::{ObjectStore, Proxy, Service, eventually, metric};
use spillway_weights::Progress;
use spillway_weights::publish::publish;
use spillway_weights::tiers::{Store, StoreConfig};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Has the name `m` stand for a file.
fn publish_there(config: &StoreConfig, file: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (store, name) = (Store::new(config).unwrap(), "m".parse().unwrap());
    runtime.block_on(publish(&store, &name, file, 65_536, &Progress::default())).unwrap();
}

fn worker(store: &str, disk: &TempDir, more: &[&str]) -> Service {
    let disk = disk.path().to_str().unwrap();
    process(&[&["--weights-model", "m", "--weights-store", store, "--weights-dir", disk], more].concat())
}

#[test]
#[ignore = "needs the model: cargo xtask test runs it"]
fn a_model_comes_from_the_store_once_and_is_served() {
    let file =
        std::env::var("SPILLWAY_MODEL").expect("SPILLWAY_MODEL names the file of SmolLM2-135M-Instruct");
    let (store, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    publish_there(&StoreConfig::Folder(store.path().to_owned()), Path::new(&file));
    let mut answers = Vec::new();
    for tier in ["store", "disk"] {
        let mut worker = worker(store.path().to_str().unwrap(), &disk, &[]);
        let address = worker.address();
        let deadline = Instant::now() + Duration::from_secs(120);
        while get(address, "/ready").status != 200 {
            assert!(Instant::now() < deadline, "the model does not load: {}", worker.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        let loads = format!("spillway_worker_weights_loads_total{{tier=\"{tier}\"}}");
        assert_eq!(metric(address, &loads), Some(1.0), "{}", worker.log());
        let body = json!({"model": "smollm2-135m-instruct", "temperature": 0, "max_tokens": 8});
        let answer = chat(address, body).reply().json();
        answers.push(answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned());
        worker.terminate();
        assert_eq!(worker.wait().code(), Some(0));
    }
    assert_eq!(answers[0], answers[1]);
    let derived: Vec<_> = std::fs::read_dir(disk.path().join("derived")).unwrap().collect();
    assert_eq!(derived.len(), 1, "what was made of it lies beside it");
}

#[test]
fn ready_says_how_far_it_is() {
    let objects = ObjectStore::start();
    let (disk, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = elsewhere.path().join("no model");
    std::fs::write(&file, vec![7; 3 << 20]).unwrap();
    let proxy = Proxy::slow(objects.address(), 2e6, Duration::ZERO);
    let place = format!("s3://{}/{}", ObjectStore::BUCKET, objects.prefix());
    let options = [
        "--weights-store-endpoint".to_owned(),
        format!("http://{}", proxy.address()),
        "--weights-store-credentials-file".to_owned(),
        objects.credentials().to_str().unwrap().to_owned(),
    ];
    let credentials = std::fs::read_to_string(objects.credentials()).unwrap();
    let bucket = Bucket {
        name: ObjectStore::BUCKET.to_owned(),
        endpoint: Some(format!("http://{}", objects.address())),
        region: "us-east-1".to_owned(),
        credentials: Some(Credentials::parse(&credentials).unwrap()),
    };
    let (prefix, stall_timeout) = (objects.prefix().to_owned(), Duration::from_secs(10));
    let config = StoreConfig::Bucket { bucket, prefix, stall_timeout };
    publish_there(&config, &file);

    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let mut worker = worker(&place, &disk, &options);
    let address = worker.address();
    eventually("it says how far it is", || {
        let ready = get(address, "/ready");
        let said = ready.json();
        let done = said["bytes_done"].as_u64().unwrap_or(0);
        let is_so = ready.status == 503
            && said["step"] == "fetching"
            && said["bytes_total"] == 3 << 20
            && (1..3 << 20).contains(&done);
        if is_so {
            assert_eq!(said["progress_percent"], done * 100 / (3 << 20));
        }
        is_so
    });
    assert_eq!(worker.wait().code(), Some(1));
    assert!(worker.log().contains("the model m cannot be loaded: m is no GGUF file"), "{}", worker.log());
}

#[test]
fn what_cannot_be_had_is_named() {
    let (store, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut unknown = worker(store.path().to_str().unwrap(), &disk, &[]);
    assert_eq!(unknown.wait().code(), Some(1));
    let expected = "the model m cannot be loaded: the store has no model m";
    assert!(unknown.log().contains(expected), "{}", unknown.log());
    let mut both = worker("/nowhere", &disk, &["--model-file", "m.gguf"]);
    assert!(!both.wait().success());
    assert!(both.log().contains("cannot be used with"), "{}", both.log());
    let mut tricks = process(&["--weights-model", "../m"]);
    assert!(!tricks.wait().success());
    assert!(tricks.log().contains("is no name of a model"), "{}", tricks.log());
}
