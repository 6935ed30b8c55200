//! Answers that keep to a form, from a model that would say anything.

use super::engine::{Answer, Running, Setup, answer, job, refusal, start, start_with};
use super::tiny::Tiny;
use crate::engine::{Engine, Job, Refusal};
use candle_core::quantized::gguf_file::Value as Metadata;
use serde_json::{Value, json};
use spillway_inference::request::{Format, Sampling};
use spillway_inference::response::FinishReason;

fn schema(schema: Value) -> Format {
    Format::JsonSchema(schema)
}

/// A word of three, and a number below 100.
fn word_and_number() -> Value {
    json!({
        "type": "object",
        "properties": {
            "word": {"enum": ["he", "hello", "gate \"7\""]},
            "number": {"type": "integer", "minimum": 0, "maximum": 99},
        },
        "required": ["word", "number"],
        "additionalProperties": false,
    })
}

#[track_caller]
fn keeps_to_it(answer: &Answer) {
    let value: Value =
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    assert!(["he", "hello", "gate \"7\""].map(Value::from).contains(&value["word"]), "{value}");
    assert!(value["number"].as_u64().is_some_and(|number| number < 100), "{value}");
    assert_eq!(value.as_object().map(serde_json::Map::len), Some(2), "{value}");
}

/// A model with room for white space, which it likes.
async fn roomy() -> Running {
    let tiny = Tiny::new().set("llama.context_length", Metadata::U32(1024));
    start_with(Setup { tiny, kv_cache_bytes: 16 << 20, ..Setup::default() }).await
}

/// Every way to choose tokens.
fn ways() -> Vec<Sampling> {
    let usual = Sampling::default();
    vec![
        usual,
        Sampling { temperature: 0.0, ..usual },
        Sampling { temperature: 2.0, ..usual },
        Sampling { top_k: Some(1), ..usual },
        Sampling { top_p: 0.01, ..usual },
        Sampling { repetition_penalty: 10.0, ..usual },
        Sampling { temperature: 0.0, presence_penalty: 2.0, frequency_penalty: 2.0, ..usual },
        Sampling { repetition_penalty: 0.01, presence_penalty: -2.0, frequency_penalty: -2.0, ..usual },
    ]
}

#[tokio::test]
async fn whatever_way_tokens_are_chosen_an_answer_keeps_to_its_schema() {
    let running = roomy().await;
    for sampling in ways() {
        for seed in 0..10 {
            let format = schema(word_and_number());
            let job = Job { format, sampling, seed: Some(seed), max_tokens: Some(400), ..job("abc") };
            let answer = answer(&running, job).await;
            assert_eq!(answer.reason, FinishReason::Stop, "{sampling:?}");
            keeps_to_it(&answer);
        }
    }
}

/// The answer is cut by its limit, or it is a JSON object.
#[tokio::test]
async fn json_mode_gives_an_object_or_the_beginning_of_one() {
    let running = roomy().await;
    let mut whole = 0;
    for seed in 0..30 {
        let format = Format::JsonObject;
        let job = Job {
            format,
            sampling: Sampling::default(),
            seed: Some(seed),
            max_tokens: Some(300),
            ..job("abc")
        };
        let answer = answer(&running, job).await;
        match (serde_json::from_str::<Value>(&answer.text), answer.reason) {
            (Ok(value), FinishReason::Stop) => {
                assert!(value.is_object(), "{value}");
                whole += 1;
            }
            (Err(error), FinishReason::Length) => assert!(error.is_eof(), "{error}: {answer:?}"),
            (Ok(value), FinishReason::Length) => assert!(value.is_object(), "{value}"),
            (Err(error), FinishReason::Stop) => panic!("{error}: {answer:?}"),
        }
    }
    assert!(whole > 0, "the limit cut all of them: the test shows little");
}

#[tokio::test]
async fn limits_and_stop_strings_cut_it_like_any_answer() {
    let running = start().await;
    let format = || schema(word_and_number());
    let cut = answer(&running, Job { format: format(), max_tokens: Some(5), ..job("abc") }).await;
    assert_eq!((cut.reason, cut.usage.completion_tokens), (FinishReason::Length, 5));
    let stopped = answer(
        &running,
        Job { format: format(), stop: vec![":".to_owned()], max_tokens: Some(90), ..job("abc") },
    )
    .await;
    assert_eq!(stopped.reason, FinishReason::Stop);
    assert!(stopped.text.starts_with('{') && !stopped.text.contains(':'), "{stopped:?}");
}

/// The likeliest tokens are those of the model, the token that came is one of the grammar.
#[tokio::test]
async fn how_likely_tokens_were_is_said_without_the_form() {
    let running = start().await;
    let plain = answer(&running, Job { logprobs: Some(20), max_tokens: Some(1), ..job("abc") }).await;
    let format = schema(word_and_number());
    let formed =
        answer(&running, Job { format, logprobs: Some(20), max_tokens: Some(90), ..job("abc") }).await;
    assert_eq!(plain.logprobs[0].top, formed.logprobs[0].top);
    assert_ne!(plain.logprobs[0].token, formed.logprobs[0].token);
    assert_eq!(formed.text.chars().next(), Some('{'));
}

#[tokio::test]
async fn a_schema_that_cannot_be_kept_to_says_why() {
    let running = start().await;
    for (wrong, why) in [
        (json!({"type": "text"}), "Invalid type: text"),
        (json!({"type": "string", "pattern": "("}), "regex parse error"),
        (json!({"not": {"type": "string"}}), "Unimplemented keys: [\"not\"]"),
        (json!({"$ref": "https://example.com/schema"}), "$ref"),
        (json!({"type": "integer", "minimum": 2, "maximum": 1}), "Unsatisfiable schema"),
        (json!({"enum": []}), "Unsatisfiable schema"),
    ] {
        let refused = refusal(&running, Job { format: schema(wrong.clone()), ..job("abc") }).await;
        let Refusal::Format { param, why: said } = refused else { panic!("{refused:?}") };
        assert_eq!(param, "response_format.json_schema.schema");
        assert!(said.contains(why) && said.len() <= 1200, "{wrong}: {said}");
    }
    assert_eq!(running.model.load().waiting, 0, "what is refused holds no place");
    answer(&running, job("abc")).await;
}

/// It is a limit that cuts the answer, not the engine that fails. No schema that a request may bring has so many properties.
#[tokio::test]
async fn an_answer_whose_form_becomes_too_intricate_ends_there() {
    let running = start().await;
    let name = |number: u32| (format!("p{number}"), json!({"type": "null"}));
    let properties: serde_json::Map<String, Value> = (0..2_200).map(name).collect();
    let format = schema(json!({"type": "object", "properties": properties}));
    let cut = answer(&running, Job { format, max_tokens: Some(90), ..job("abc") }).await;
    assert_eq!((cut.text.as_str(), cut.reason, cut.usage.completion_tokens), ("{", FinishReason::Length, 1));
    answer(&running, job("abc")).await;
}

/// A client could have the answer be no JSON with it.
#[tokio::test]
async fn how_a_schema_is_compiled_is_not_the_clients_to_say() {
    let running = roomy().await;
    let mut open = word_and_number();
    open["x-guidance"] = json!({"whitespace_pattern": "x", "item_separator": ";"});
    keeps_to_it(&answer(&running, Job { format: schema(open), max_tokens: Some(400), ..job("abc") }).await);
}

#[tokio::test]
async fn a_model_without_a_token_for_the_end_keeps_to_no_form() {
    let tiny = Tiny::new().without("tokenizer.ggml.eos_token_id").without("tokenizer.chat_template");
    let running = start_with(Setup { tiny, ..Setup::default() }).await;
    let why = "the model has no token for the end of an answer".to_owned();
    let expected = Refusal::Format { param: "response_format", why };
    assert_eq!(refusal(&running, Job { format: Format::JsonObject, ..job("abc") }).await, expected);
}
