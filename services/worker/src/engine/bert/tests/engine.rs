//! The engine as a whole: jobs in, vectors out.

use super::tiny::{HIDDEN, Tiny};
use crate::engine::bert::{Bert, Config};
use crate::engine::{
    Broken, Embedder, Embedding, EmbeddingJob, EmbeddingRefusal, Load, NotBegun, Readiness, Refusal, Vectors,
};
use crate::metrics::Metrics;
use serde_json::{Value, json};
use spillway_inference::request::EmbeddingRequest;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    bert: Arc<Bert>,
    metrics: Arc<Metrics>,
    _dir: tempfile::TempDir,
}

async fn start(queue: usize) -> Running {
    start_with(queue, PATIENCE).await
}

async fn start_with(queue: usize, step_limit: Duration) -> Running {
    let dir = tempfile::tempdir().unwrap();
    Tiny::new().write(dir.path());
    let folder = dir.path().to_owned();
    let metrics = Arc::new(Metrics::default());
    let config = Config { folder, queue, max_request_tokens: 40_000, step_limit };
    let (bert, _failure) = Bert::start(config, Arc::clone(&metrics)).unwrap();
    let running = Running { bert, metrics, _dir: dir };
    eventually(|| running.bert.readiness() == Readiness::Ready).await;
    running
}

async fn eventually(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it does not come to be so");
}

fn job(input: &Value) -> EmbeddingJob {
    let body = json!({"model": "m", "input": input}).to_string();
    let inputs = Arc::new(EmbeddingRequest::parse(body.as_bytes()).unwrap().inputs);
    EmbeddingJob { inputs, level: 1, deadline: None }
}

/// One that takes hundreds of passes.
fn long() -> EmbeddingJob {
    job(&json!(vec!["abcdefghijklmnopqr"; 2000]))
}

async fn end(embedding: Embedding) -> Result<Vectors, Broken> {
    timeout(PATIENCE, embedding.vectors).await.unwrap().unwrap()
}

impl Running {
    async fn vectors(&self, input: &Value) -> Vectors {
        end(self.bert.embed(job(input)).await.unwrap()).await.unwrap()
    }

    async fn refusal(&self, input: &Value) -> EmbeddingRefusal {
        self.bert.embed(job(input)).await.expect_err("it was taken")
    }
}

#[tokio::test]
async fn texts_become_vectors_of_length_one() {
    let running = start(1).await;
    let embedding = running.bert.embed(job(&json!(["ab c", "Ab C", "d"]))).await.unwrap();
    assert_eq!(embedding.prompt_tokens, 5 + 5 + 3, "each has one before and one after it");
    let vectors = end(embedding).await.unwrap();
    assert_eq!(vectors[0], vectors[1], "this model does not know upper case");
    assert_ne!(vectors[0], vectors[2]);
    for vector in &vectors {
        let length: f32 = vector.iter().map(|number| number * number).sum();
        assert!(vector.len() == HIDDEN && (length - 1.0).abs() < 1e-5, "{length}");
    }
    assert_eq!(running.bert.dimensions(), Some(HIDDEN));
    assert_eq!((running.metrics.embedding_tokens.get(), running.metrics.text.prompt_tokens.get()), (13, 0));
    assert_eq!(running.bert.load(), Load { slots: 1, ..Load::default() });
}

#[tokio::test]
async fn tokens_are_taken_as_they_are() {
    let running = start(1).await;
    let text = running.vectors(&json!("ab c")).await;
    // [CLS] a ##b c [SEP]
    let tokens = json!([2, 4, 31, 6, 3]);
    assert_eq!(running.vectors(&tokens).await, text);
    assert_eq!(running.vectors(&json!([tokens])).await, text);
    assert_ne!(running.vectors(&json!([4, 31, 6])).await, text);
    let unknown = EmbeddingRefusal::NoSuchToken { index: 1, position: 2, token: 56, last: 55 };
    assert_eq!(running.refusal(&json!([[5], [5, 5, 56, 57]])).await, unknown);
}

#[tokio::test]
async fn many_inputs_are_what_each_is_alone() {
    let running = start(1).await;
    let text = |number: usize| "abc ".repeat(1 + number % 9) + "xyz".get(..number % 3).unwrap();
    let texts: Vec<_> = (0..200).map(text).collect();
    let together = running.vectors(&json!(texts)).await;
    for (text, vector) in texts.iter().zip(&together) {
        let alone = running.vectors(&json!(text)).await;
        assert!(alone[0].iter().zip(vector).all(|(a, b)| (a - b).abs() < 1e-5), "{text}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_named() {
    let running = start(1).await;
    let longest = "a".repeat(38);
    assert_eq!(running.vectors(&json!(longest)).await.len(), 1, "38 letters and one at each end");
    let too_long = EmbeddingRefusal::InputTooLong { index: 1, tokens: 41, limit: 40 };
    assert_eq!(running.refusal(&json!(["a", longest + "a"])).await, too_long);
    let in_all = EmbeddingRefusal::TooLong { tokens: 2048 * 20, limit: 40_000 };
    assert_eq!(running.refusal(&json!(vec!["abcdefghijklmnopqr"; 2048])).await, in_all);
    assert_eq!(running.bert.load().waiting, 0, "what is refused holds no place");
}

#[tokio::test]
async fn the_queue_is_bounded_and_clients_that_leave_free_their_places() {
    let running = start(1).await;
    let first = running.bert.embed(long()).await.unwrap();
    eventually(|| running.bert.load().running == 1).await;
    let second = running.bert.embed(long()).await.unwrap();
    let full = Refusal::QueueFull { slots: 1, waiting: 1, retry_after_s: 1 };
    assert_eq!(running.refusal(&json!("a")).await, full.into());
    drop(second);
    assert_eq!(running.bert.load().waiting, 0, "who leaves while waiting is out at once");
    let mut third = running.bert.embed(long()).await.unwrap();
    drop(first);
    eventually(|| running.bert.load() == Load { running: 1, waiting: 0, slots: 1, ..Load::default() }).await;
    assert!(third.vectors.try_recv().is_err(), "the first one was not worked on to its end");
    assert_eq!(end(third).await.unwrap().len(), 2000);
    eventually(|| running.bert.load().running == 0).await;
}

#[tokio::test]
async fn the_important_need_not_wait_for_the_others_to_end() {
    let running = start(9).await;
    let mut lesser = running.bert.embed(EmbeddingJob { level: 2, ..long() }).await.unwrap();
    eventually(|| running.bert.load().running == 1).await;
    let same = running.bert.embed(EmbeddingJob { level: 2, ..job(&json!("a")) }).await.unwrap();
    let critical = running.bert.embed(EmbeddingJob { level: 0, ..job(&json!("a")) }).await.unwrap();
    end(critical).await.unwrap();
    assert!(lesser.vectors.try_recv().is_err(), "the lesser one is not done yet");
    let past = Some(Instant::now());
    let late = running.bert.embed(EmbeddingJob { deadline: past, ..job(&json!("a")) }).await.unwrap();
    assert_eq!(end(late).await, Err(Broken::NotBegun(NotBegun::Expired)));
    assert_eq!(end(lesser).await.unwrap().len(), 2000);
    end(same).await.unwrap();
}

/// With no patience at all every pass is one that is stuck, while it lasts.
#[tokio::test]
async fn an_engine_that_does_not_get_on_says_so() {
    let running = start_with(9, Duration::ZERO).await;
    let first = running.bert.embed(long()).await.unwrap();
    eventually(|| matches!(running.bert.readiness(), Readiness::Stuck { .. })).await;
    drop(first);
    eventually(|| running.bert.load().running == 0 && running.bert.readiness() == Readiness::Ready).await;
}
