use super::{
    Candidate, ChatAnswer, ChatChunk, CompletionAnswer, CompletionChunk, EmbeddingAnswer, FinishReason, Head,
    ModelList, Token, TokenLogprobs, Usage,
};
use crate::request::Encoding;
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
        ChatAnswer { head: HEAD, text: "Hi\n", logprobs: None, finish_reason, usage: USAGE },
        r#"{"id":"x-1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi\n"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
    );
    check(
        CompletionAnswer {
            head: HEAD,
            text: "Hi",
            logprobs: None,
            finish_reason: FinishReason::Length,
            usage: USAGE,
        },
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
    check(
        ChatChunk::Text("Hi", None).with(HEAD),
        &format!("{}}}", chunk(&choice(r#"{"content":"Hi"}"#, "null"))),
    );
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
        CompletionChunk::Text("Hi", None).with(HEAD),
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
        ModelList { names: &["m"], created_s: 5 },
        r#"{"object":"list","data":[{"id":"m","object":"model","created":5,"owned_by":"spillway"}]}"#,
    );
}

/// "é" in two tokens, the second of which was the second likeliest, and a token that steers the model.
fn places() -> Vec<TokenLogprobs> {
    let text = |bytes: &[u8], logprob| Candidate { token: Token::Text(bytes.to_vec()), logprob };
    let control = Candidate { token: Token::Control("<|x|>".to_owned()), logprob: f32::NEG_INFINITY };
    vec![
        TokenLogprobs { token: text(b"\xc3", -0.5), top: vec![text(b"\xc3", -0.5)], text_offset: 0 },
        TokenLogprobs { token: text(b"\xa9", -2.0), top: vec![text(b"\"", -0.25)], text_offset: 0 },
        TokenLogprobs { token: control, top: vec![text(b"\xc3\xa9", 0.0)], text_offset: 1 },
    ]
}

const CHAT_LOGPROBS: &str = concat!(
    r#"{"content":[{"token":"\\xc3","logprob":-0.5,"bytes":[195],"#,
    r#""top_logprobs":[{"token":"\\xc3","logprob":-0.5,"bytes":[195]}]},"#,
    r#"{"token":"\\xa9","logprob":-2.0,"bytes":[169],"#,
    r#""top_logprobs":[{"token":"\"","logprob":-0.25,"bytes":[34]}]},"#,
    r#"{"token":"<|x|>","logprob":-9999.0,"bytes":null,"#,
    r#""top_logprobs":[{"token":"é","logprob":0.0,"bytes":[195,169]}]}],"refusal":null}"#,
);

const COMPLETION_LOGPROBS: &str = concat!(
    r#"{"tokens":["bytes:\\xc3","bytes:\\xa9","<|x|>"],"token_logprobs":[-0.5,-2.0,-9999.0],"#,
    r#""top_logprobs":[{"bytes:\\xc3":-0.5},{"\"":-0.25,"bytes:\\xa9":-2.0},{"é":0.0,"<|x|>":-9999.0}],"#,
    r#""text_offset":[0,0,1]}"#,
);

/// The value of `logprobs` in the only choice.
fn logprobs(body: impl Serialize) -> String {
    let body = serde_json::to_string(&body).unwrap();
    let (_, rest) = body.split_once(r#""logprobs":"#).unwrap();
    rest.split_once(r#","finish_reason""#).unwrap().0.to_owned()
}

#[test]
fn how_likely_tokens_were() {
    let (places, finish_reason, usage) = (places(), FinishReason::Stop, USAGE);
    let asked = Some(places.as_slice());
    let chat = |logprobs| ChatAnswer { head: HEAD, text: "é", logprobs, finish_reason, usage };
    let completion = |logprobs| CompletionAnswer { head: HEAD, text: "é", logprobs, finish_reason, usage };
    assert_eq!(logprobs(chat(asked)), CHAT_LOGPROBS);
    assert_eq!(logprobs(ChatChunk::Text("é", asked).with(HEAD)), CHAT_LOGPROBS);
    assert_eq!(logprobs(completion(asked)), COMPLETION_LOGPROBS);
    assert_eq!(logprobs(CompletionChunk::Text("é", asked).with(HEAD)), COMPLETION_LOGPROBS);
    assert_eq!(logprobs(chat(Some(&[]))), r#"{"content":[],"refusal":null}"#);
    let none = r#"{"tokens":[],"token_logprobs":[],"top_logprobs":[],"text_offset":[]}"#;
    assert_eq!(logprobs(completion(Some(&[]))), none);
    assert_eq!(logprobs(ChatChunk::Finish(finish_reason).with(HEAD)), "null");
}

#[test]
fn embeddings() {
    let vectors = [vec![0.5, -1.0], vec![0.1, 3.4e-8]];
    let answer = |encoding| EmbeddingAnswer { model: "m", vectors: &vectors, encoding, prompt_tokens: 7 };
    check(
        answer(Encoding::Float),
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.0]},{"object":"embedding","index":1,"embedding":[0.1,3.4e-8]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}"#,
    );
    // 0x3f000000 and 0xbf800000, then 0x3dcccccd and 0x33120765, the lowest byte of each first.
    check(
        answer(Encoding::Base64),
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="},{"object":"embedding","index":1,"embedding":"zczMPWUHEjM="}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}"#,
    );
}
