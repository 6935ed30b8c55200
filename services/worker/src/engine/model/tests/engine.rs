//! The engine as a whole: jobs in, events out.

use super::tiny::{CONTEXT, Tiny};
use crate::engine::model::{Config, Model};
use crate::engine::{Engine, Event, Job, Load, Prompt, Readiness, Refusal};
use crate::metrics::Metrics;
use candle_core::quantized::gguf_file::Value;
use spillway_inference::response::{FinishReason, Usage};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    model: Arc<Model>,
    metrics: Arc<Metrics>,
    _dir: tempfile::TempDir,
}

/// A tiny model that is loaded.
async fn start() -> Running {
    start_with(4, Tiny::new()).await
}

/// A model that is loaded. `queue` requests may wait.
async fn start_with(queue: usize, tiny: Tiny) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        file: tiny.write(dir.path()),
        cache_dir: None,
        queue,
        max_prompt_tokens: 80,
        default_output_tokens: 10,
    };
    let metrics = Arc::new(Metrics::default());
    let (model, _failure) = Model::start(config, Arc::clone(&metrics)).unwrap();
    let running = Running { model, metrics, _dir: dir };
    eventually(|| running.model.readiness() == Readiness::Ready).await;
    running
}

async fn eventually(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it does not come to be so");
}

fn job(prompt: &str) -> Job {
    Job {
        prompt: Prompt::Text(prompt.to_owned()),
        max_tokens: None,
        temperature: 0.0,
        top_p: 1.0,
        seed: None,
        stop: Vec::new(),
    }
}

/// The text of an answer, why it ended and its tokens.
async fn answer(running: &Running, job: Job) -> (String, FinishReason, Usage) {
    let mut generation = running.model.submit(job).await.unwrap();
    let mut text = String::new();
    loop {
        match timeout(PATIENCE, generation.events.recv()).await.unwrap().unwrap() {
            Event::Text(piece) => text.push_str(&piece),
            Event::Finished { reason, usage } => return (text, reason, usage),
            Event::Failed(why) => panic!("{why}"),
        }
    }
}

async fn refusal(running: &Running, job: Job) -> Refusal {
    running.model.submit(job).await.expect_err("it was taken")
}

#[tokio::test]
async fn an_answer_has_its_length() {
    let running = start().await;
    let (_, reason, usage) = answer(&running, job("hello")).await;
    assert_eq!((reason, usage), (FinishReason::Length, Usage { prompt_tokens: 3, completion_tokens: 10 }));
    let (_, _, usage) = answer(&running, Job { max_tokens: Some(3), ..job("hello") }).await;
    assert_eq!(usage.completion_tokens, 3);
    assert_eq!((running.metrics.prompt_tokens.get(), running.metrics.output_tokens.get()), (6, 13));
}

#[tokio::test]
async fn greedy_and_seeded_answers_repeat() {
    let running = start().await;
    let long = Job { max_tokens: Some(40), ..job("abc") };
    assert_eq!(answer(&running, long.clone()).await, answer(&running, long.clone()).await);
    let seeded = |seed| Job { temperature: 1.0, seed: Some(seed), ..long.clone() };
    assert_eq!(answer(&running, seeded(1)).await, answer(&running, seeded(1)).await);
    assert_ne!(answer(&running, seeded(1)).await.0, answer(&running, seeded(2)).await.0);
}

#[tokio::test]
async fn a_stop_string_ends_an_answer_before_it() {
    let running = start().await;
    let long = Job { max_tokens: Some(40), temperature: 1.0, seed: Some(3), ..job("abc") };
    let (whole, ..) = answer(&running, long.clone()).await;
    let middle = whole.chars().count() / 2;
    let stop: String = whole.chars().skip(middle).take(3).collect();
    let expected = whole.split(&stop).next().unwrap().to_owned();
    let (text, reason, usage) = answer(&running, Job { stop: vec![stop], ..long }).await;
    assert_eq!((text, reason), (expected, FinishReason::Stop));
    assert!(usage.completion_tokens < 40, "{usage:?}");
}

#[tokio::test]
async fn prompt_and_answer_share_the_context() {
    let running = start().await;
    let (_, reason, usage) = answer(&running, Job { max_tokens: Some(1000), ..job(&"a".repeat(70)) }).await;
    assert_eq!(reason, FinishReason::Length);
    assert_eq!(usage.prompt_tokens + usage.completion_tokens, CONTEXT);
    let too_long = refusal(&running, job(&"a".repeat(81))).await;
    assert_eq!(too_long, Refusal::PromptTooLong { tokens: 81, limit: 80 });
    assert_eq!(running.model.load().waiting, 0, "what is refused holds no place");
}

/// An answer that takes seconds.
fn long() -> Job {
    Job { max_tokens: Some(4000), ..job("a") }
}

#[tokio::test]
async fn the_queue_is_bounded_and_clients_that_leave_free_their_places() {
    let running = start_with(1, Tiny::new().set("llama.context_length", Value::U32(4096))).await;
    let first = running.model.submit(long()).await.unwrap();
    eventually(|| running.model.load().running == 1).await;
    let second = running.model.submit(long()).await.unwrap();
    let full = Refusal::QueueFull { slots: 1, waiting: 1, retry_after_s: 1 };
    assert_eq!(refusal(&running, long()).await, full);

    drop(second);
    assert_eq!(running.model.load().waiting, 0, "who leaves while waiting is out at once");
    let third = running.model.submit(long()).await.unwrap();
    drop(first);
    eventually(|| running.model.load() == Load { running: 1, waiting: 0, ..running.model.load() }).await;
    drop(third);
    eventually(|| running.model.load().running == 0).await;
    let tokens = running.metrics.output_tokens.get();
    assert!(tokens < 4000, "nobody waited for all of these {tokens} tokens");
    eventually(|| running.model.load().kv_cache_utilization == Some(0.0)).await;
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_ends_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let file = Tiny::new().without("blk.0.ffn_up.weight").write(dir.path());
    let config = Config { file, cache_dir: None, queue: 1, max_prompt_tokens: 1, default_output_tokens: 1 };
    let (model, failure) = Model::start(config, Arc::new(Metrics::default())).unwrap();
    let error = timeout(PATIENCE, Model::failure(failure)).await.unwrap();
    assert!(
        format!("{error:#}").ends_with("the model's file has no tensor blk.0.ffn_up.weight"),
        "{error:#}"
    );
    assert!(matches!(model.readiness(), Readiness::Loading { .. }));
    assert_eq!(model.submit(job("a")).await.unwrap_err(), Refusal::NotReady);
}
