//! The engine as a whole: jobs in, events out.

use super::tiny::{CONTEXT, Tiny};
use crate::engine::device::Compute;
use crate::engine::model::{Config, Model, Source};
use crate::engine::{Engine, Event, Job, Load, NotBegun, Prompt, Readiness, Refusal};
use crate::metrics::Metrics;
use candle_core::Device;
use candle_core::quantized::gguf_file::Value;
use spillway_inference::request::{Format, Sampling};
use spillway_inference::response::{FinishReason, TokenLogprobs, Usage};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Running {
    pub(super) model: Arc<Model>,
    metrics: Arc<Metrics>,
    _dir: tempfile::TempDir,
}

/// How to start a model.
pub(super) struct Setup {
    pub(super) slots: usize,
    pub(super) queue: usize,
    pub(super) kv_cache_bytes: usize,
    pub(super) step_limit: Duration,
    pub(super) compute: Compute,
    pub(super) tiny: Tiny,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            slots: 4,
            queue: 100,
            kv_cache_bytes: 1 << 20,
            step_limit: PATIENCE,
            compute: Compute::Processor,
            tiny: Tiny::new(),
        }
    }
}

/// An engine for the model in that file, with one slot and one place to wait.
fn config(file: PathBuf) -> Config {
    Config {
        name: "tiny".to_owned(),
        source: Source::File(file),
        compute: Compute::Processor,
        budget: None,
        cache_dir: None,
        slots: 1,
        queue: 1,
        kv_cache_bytes: 1 << 20,
        max_prompt_tokens: 80,
        default_output_tokens: 10,
        step_limit: PATIENCE,
    }
}

/// A tiny model that is loaded.
pub(super) async fn start() -> Running {
    start_with(Setup::default()).await
}

/// A model that is loaded.
pub(super) async fn start_with(setup: Setup) -> Running {
    let Setup { slots, queue, kv_cache_bytes, step_limit, compute, tiny } = setup;
    let dir = tempfile::tempdir().unwrap();
    let config = config(tiny.write(dir.path()));
    let config = Config { slots, queue, kv_cache_bytes, step_limit, compute, ..config };
    let metrics = Arc::new(Metrics::default());
    let (model, _failure) = Model::start(config, &metrics).unwrap();
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

pub(super) fn job(prompt: &str) -> Job {
    Job {
        prompt: Prompt::Text(prompt.to_owned()),
        max_tokens: None,
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        seed: None,
        stop: Vec::new(),
        logprobs: None,
        format: Format::Text,
        level: 0,
        deadline: None,
    }
}

/// A whole answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) logprobs: Vec<TokenLogprobs>,
    /// How these came.
    pub(super) pieces: Vec<(String, Vec<TokenLogprobs>)>,
    pub(super) reason: FinishReason,
    pub(super) usage: Usage,
}

pub(super) async fn answer(running: &Running, job: Job) -> Answer {
    let mut generation = running.model.submit(job).await.unwrap();
    let mut pieces = Vec::new();
    loop {
        match timeout(PATIENCE, generation.events.recv()).await.unwrap().unwrap() {
            Event::Text { text, logprobs } => pieces.push((text, logprobs)),
            Event::Finished { reason, usage } => {
                let text = pieces.iter().map(|(text, _)| text.as_str()).collect();
                let logprobs = pieces.iter().flat_map(|(_, logprobs)| logprobs.clone()).collect();
                return Answer { text, logprobs, pieces, reason, usage };
            }
            event => panic!("{event:?}"),
        }
    }
}

pub(super) async fn refusal(running: &Running, job: Job) -> Refusal {
    running.model.submit(job).await.expect_err("it was taken")
}

#[tokio::test]
async fn an_answer_has_its_length() {
    let running = start().await;
    let Answer { reason, usage, .. } = answer(&running, job("hello")).await;
    assert_eq!((reason, usage), (FinishReason::Length, Usage { prompt_tokens: 3, completion_tokens: 10 }));
    let Answer { usage, .. } = answer(&running, Job { max_tokens: Some(3), ..job("hello") }).await;
    assert_eq!(usage.completion_tokens, 3);
    assert_eq!((running.metrics.text.prompt_tokens.get(), running.metrics.text.output_tokens.get()), (6, 13));
}

#[tokio::test]
async fn greedy_and_seeded_answers_repeat() {
    let running = start().await;
    let long = Job { max_tokens: Some(40), ..job("abc") };
    assert_eq!(answer(&running, long.clone()).await, answer(&running, long.clone()).await);
    let seeded = |seed| Job { sampling: Sampling::default(), seed: Some(seed), ..long.clone() };
    assert_eq!(answer(&running, seeded(1)).await, answer(&running, seeded(1)).await);
    assert_ne!(answer(&running, seeded(1)).await.text, answer(&running, seeded(2)).await.text);
}

#[tokio::test]
async fn a_stop_string_ends_an_answer_before_it() {
    let running = start().await;
    let long = Job { max_tokens: Some(40), sampling: Sampling::default(), seed: Some(3), ..job("abc") };
    let whole = answer(&running, long.clone()).await.text;
    let middle = whole.chars().count() / 2;
    let stop: String = whole.chars().skip(middle).take(3).collect();
    let expected = whole.split(&stop).next().unwrap().to_owned();
    let Answer { text, reason, usage, .. } = answer(&running, Job { stop: vec![stop], ..long }).await;
    assert_eq!((text, reason), (expected, FinishReason::Stop));
    assert!(usage.completion_tokens < 40, "{usage:?}");
}

#[tokio::test]
async fn prompt_and_answer_share_the_context() {
    let running = start().await;
    let Answer { reason, usage, .. } =
        answer(&running, Job { max_tokens: Some(1000), ..job(&"a".repeat(70)) }).await;
    assert_eq!(reason, FinishReason::Length);
    assert_eq!(usage.prompt_tokens + usage.completion_tokens, CONTEXT);
    let too_long = refusal(&running, job(&"a".repeat(81))).await;
    assert_eq!(too_long, Refusal::PromptTooLong { tokens: 81, limit: 80 });
    assert_eq!(running.model.load().waiting, 0, "what is refused holds no place");
}

/// A model that can generate for long.
fn patient() -> Setup {
    let tiny = Tiny::new().set("llama.context_length", Value::U32(4096));
    Setup { kv_cache_bytes: 64 << 20, tiny, ..Setup::default() }
}

/// An answer that takes seconds.
fn long() -> Job {
    Job { max_tokens: Some(4000), ..job("a") }
}

#[tokio::test]
async fn the_queue_is_bounded_and_clients_that_leave_free_their_places() {
    let running = start_with(Setup { slots: 1, queue: 1, ..patient() }).await;
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
    let tokens = running.metrics.text.output_tokens.get();
    assert!(tokens < 4000, "nobody waited for all of these {tokens} tokens");
    eventually(|| running.model.load().kv_cache_utilization == Some(0.0)).await;
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_ends_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let file = Tiny::new().without("blk.0.ffn_up.weight").write(dir.path());
    let (model, failure) = Model::start(config(file), &Metrics::default()).unwrap();
    let error = timeout(PATIENCE, failure.reason()).await.unwrap();
    assert!(
        format!("{error:#}").ends_with("the model's file has no tensor blk.0.ffn_up.weight"),
        "{error:#}"
    );
    assert!(matches!(model.readiness(), Readiness::Loading { .. }));
    assert_eq!(model.submit(job("a")).await.unwrap_err(), Refusal::NotReady);
}

/// What is asked at the same time, in different ways and of different lengths.
pub(super) fn mixed(number: u64) -> Job {
    let length = usize::try_from(number * 7 % 61).unwrap();
    let prompt = format!("{} {number}", "to be or not to be ".repeat(4).get(..length).unwrap());
    let temperature = if number.is_multiple_of(2) { 0.0 } else { 1.0 };
    let sampling = Sampling { temperature, top_p: 0.9, repetition_penalty: 1.1, ..Sampling::default() };
    let max_tokens = Some(5 + u32::try_from(number % 23).unwrap());
    Job { max_tokens, sampling, seed: Some(number), ..job(&prompt) }
}

#[tokio::test]
async fn an_answer_is_the_same_alone_and_among_others() {
    let alone = start_with(Setup { slots: 1, ..Setup::default() }).await;
    let together = start_with(Setup { slots: 8, ..Setup::default() }).await;
    let mut answers = Vec::new();
    for number in 0..100 {
        answers.push(answer(&alone, mixed(number)).await);
    }
    let (together, begun) = (Arc::new(together), (0..100));
    let tasks: Vec<_> = begun
        .map(|number| {
            let together = Arc::clone(&together);
            tokio::spawn(async move { answer(&together, mixed(number)).await })
        })
        .collect();
    for (number, (task, alone)) in tasks.into_iter().zip(answers).enumerate() {
        assert_eq!(task.await.unwrap(), alone, "request {number}");
    }
}

/// The engine that a GPU has, on the device that is always there.
#[tokio::test]
async fn the_librarys_operations_serve_the_same_requests() {
    let running = start_with(Setup { compute: Compute::Tensors(Device::Cpu), ..Setup::default() }).await;
    let alone = answer(&running, job("abc")).await;
    assert_eq!(alone.usage, Usage { prompt_tokens: 3, completion_tokens: 10 });
    assert_eq!(answer(&running, job("abc")).await, alone);
    let jobs: Vec<_> = (0..12).map(mixed).collect();
    let lengths: Vec<_> = jobs.iter().map(|job| job.max_tokens).collect();
    let mut answers = Vec::new();
    for job in jobs {
        answers.push(running.model.submit(job).await.unwrap());
    }
    for (mut generation, length) in answers.into_iter().zip(lengths) {
        let usage = loop {
            match timeout(PATIENCE, generation.events.recv()).await.unwrap().unwrap() {
                Event::Text { .. } => {}
                Event::Finished { usage, .. } => break usage,
                event => panic!("{event:?}"),
            }
        };
        assert!(Some(usage.completion_tokens) <= length, "{usage:?} of {length:?}");
    }
    eventually(|| running.model.load().kv_cache_utilization == Some(0.0)).await;
}

#[tokio::test]
async fn requests_are_worked_on_together_and_the_rest_waits() {
    let running = start_with(Setup { slots: 3, ..patient() }).await;
    let mut taken = Vec::new();
    for _ in 0..5 {
        taken.push(running.model.submit(long()).await.unwrap());
    }
    eventually(|| (running.model.load().running, running.model.load().waiting) == (3, 2)).await;
    for generation in taken.iter_mut().take(3) {
        assert!(matches!(timeout(PATIENCE, generation.events.recv()).await, Ok(Some(Event::Text { .. }))));
    }
    taken.remove(0);
    eventually(|| running.model.load().waiting == 1).await;
    taken.clear();
    eventually(|| running.model.load().running == 0).await;
}

#[tokio::test]
async fn memory_is_bounded_and_who_finds_none_waits() {
    // Four pages of 32 tokens.
    let page = 2 * 2 * 2 * 16 * 32 * 2;
    let running = start_with(Setup { kv_cache_bytes: 4 * page + 1, ..patient() }).await;
    let sixty = Job { max_tokens: Some(60), ..job("a") };
    let jobs: Vec<_> = (0..3).map(|_| running.model.submit(sixty.clone())).collect();
    let mut taken = Vec::new();
    for job in jobs {
        taken.push(job.await.unwrap());
    }
    eventually(|| running.model.load().waiting == 1).await;
    assert_eq!(running.model.load().running, 2, "each needs two pages");
    for generation in &mut taken {
        while let Some(event) = timeout(PATIENCE, generation.events.recv()).await.unwrap() {
            assert!(!matches!(event, Event::Failed(_) | Event::NotBegun(_)), "{event:?}");
        }
    }
    eventually(|| running.model.load().kv_cache_utilization == Some(0.0)).await;
    let Answer { usage, reason, .. } = answer(&running, Job { max_tokens: Some(1000), ..job("b") }).await;
    assert_eq!(reason, FinishReason::Length);
    assert_eq!(usage.prompt_tokens + usage.completion_tokens, 128, "the memory bounds the context");
}

#[tokio::test]
async fn a_memory_without_a_page_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { kv_cache_bytes: 1_000, ..config(Tiny::new().write(dir.path())) };
    let (_model, failure) = Model::start(config, &Metrics::default()).unwrap();
    let error = timeout(PATIENCE, failure.reason()).await.unwrap().to_string();
    assert_eq!(error, "the key-value cache: expected at least 8192 bytes, which are 32 tokens, got 1000");
}

#[tokio::test]
async fn what_waits_is_handed_back_and_what_runs_goes_on() {
    let running = start_with(Setup { slots: 1, ..patient() }).await;
    let mut runs = running.model.submit(long()).await.unwrap();
    eventually(|| running.model.load().running == 1).await;
    let mut waits = running.model.submit(job("abc")).await.unwrap();
    running.model.hand_back();
    assert_eq!(
        timeout(PATIENCE, waits.events.recv()).await.unwrap(),
        Some(Event::NotBegun(NotBegun::HandedBack))
    );
    assert_eq!(running.model.load().waiting, 0);
    // What had come before, and one more.
    while runs.events.try_recv().is_ok() {}
    assert!(matches!(timeout(PATIENCE, runs.events.recv()).await.unwrap(), Some(Event::Text { .. })));
}

#[tokio::test]
async fn the_important_go_first_and_who_cannot_wait_is_told() {
    let running = start_with(Setup { slots: 1, ..patient() }).await;
    let first = running.model.submit(long()).await.unwrap();
    eventually(|| running.model.load().running == 1).await;
    let mut lesser = running.model.submit(Job { level: 2, ..long() }).await.unwrap();
    let short = || Job { max_tokens: Some(3), ..job("abc") };
    let mut critical = running.model.submit(short()).await.unwrap();
    let past = Some(std::time::Instant::now());
    let mut hasty = running.model.submit(Job { deadline: past, ..short() }).await.unwrap();
    drop(first);
    assert_eq!(
        timeout(PATIENCE, hasty.events.recv()).await.unwrap(),
        Some(Event::NotBegun(NotBegun::Expired))
    );
    while !matches!(timeout(PATIENCE, critical.events.recv()).await.unwrap(), Some(Event::Finished { .. })) {}
    // With one slot it would be whole by now, had it gone first; and it takes seconds.
    while let Ok(event) = lesser.events.try_recv() {
        assert!(matches!(event, Event::Text { .. }), "{event:?}");
    }
}

/// With no patience at all every step is one that is stuck, while it lasts.
#[tokio::test]
async fn a_worker_that_does_not_get_on_says_so() {
    let running = start_with(Setup { step_limit: Duration::ZERO, ..patient() }).await;
    let first = running.model.submit(long()).await.unwrap();
    eventually(|| matches!(running.model.readiness(), Readiness::Stuck { .. })).await;
    drop(first);
    eventually(|| running.model.load().running == 0 && running.model.readiness() == Readiness::Ready).await;
}
