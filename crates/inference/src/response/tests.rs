use super::{ChatAnswer, ChatChunk, CompletionAnswer, CompletionChunk, FinishReason, Head, ModelList, Usage};
use serde::Serialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const HEAD: Head<'static> = Head { id: "x-1", created_s: 5, model: "m" };
const USAGE: Usage = Usage { prompt_tokens: 3, completion_tokens: 2 };

#[track_caller]
fn check(body: impl Serialize, expected: &str) {
    assert_eq!(serde_json::to_string(&body).unwrap(), expected);
}

#[test]
fn whole_answers() {
    let finish_reason = FinishReason::Stop;
    check(
        ChatAnswer { head: HEAD, text: "Hi\n", finish_reason, usage: USAGE },
        r#"{"id":"x-1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi\n"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
    );
    check(
        CompletionAnswer { head: HEAD, text: "Hi", finish_reason: FinishReason::Length, usage: USAGE },
        r#"{"id":"x-1","object":"text_completion","created":5,"model":"m","choices":[{"index":0,"text":"Hi","logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
    );
}

#[test]
fn chat_chunks() {
    let chunk = |choices: &str| {
        format!(
            r#"{{"id":"x-1","object":"chat.completion.chunk","created":5,"model":"m","choices":[{choices}]"#
        )
    };
    let choice = |delta: &str, reason: &str| {
        format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}"#)
    };
    let role = choice(r#"{"role":"assistant","content":""}"#, "null");
    check(ChatChunk::Role.with(HEAD), &format!("{}}}", chunk(&role)));
    check(ChatChunk::Text("Hi").with(HEAD), &format!("{}}}", chunk(&choice(r#"{"content":"Hi"}"#, "null"))));
    check(
        ChatChunk::Finish(FinishReason::Stop).with(HEAD),
        &format!("{}}}", chunk(&choice("{}", "\"stop\""))),
    );
    let usage = r#","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
    check(ChatChunk::Usage(USAGE).with(HEAD), &format!("{}{usage}", chunk("")));
}

#[test]
fn completion_chunks() {
    let head = r#"{"id":"x-1","object":"text_completion","created":5,"model":"m","choices":["#;
    check(
        CompletionChunk::Text("Hi").with(HEAD),
        &format!(r#"{head}{{"index":0,"text":"Hi","logprobs":null,"finish_reason":null}}]}}"#),
    );
    check(
        CompletionChunk::Finish(FinishReason::Length).with(HEAD),
        &format!(r#"{head}{{"index":0,"text":"","logprobs":null,"finish_reason":"length"}}]}}"#),
    );
    check(
        CompletionChunk::Usage(USAGE).with(HEAD),
        &format!(r#"{head}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}}}"#),
    );
}

#[test]
fn the_list_of_models() {
    check(
        ModelList { names: &["m".to_owned()], created_s: 5 },
        r#"{"object":"list","data":[{"id":"m","object":"model","created":5,"owned_by":"spillway"}]}"#,
    );
}
