use proptest::prelude::*;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const PREFIX: usize = 64;

#[track_caller]
fn facts(body: &Value) -> Facts {
    read(body.to_string().as_bytes(), PREFIX).unwrap()
}

#[track_caller]
fn check(body: &str, model: Option<&str>, stream: bool, output_limit: Option<u32>, prompt_bytes: u32) {
    let read = read(body.as_bytes(), PREFIX).unwrap();
    let found = (read.model.as_deref(), read.stream, read.output_limit, read.prompt_bytes);
    assert_eq!(found, (model, stream, output_limit, prompt_bytes), "{body}");
}

#[test]
fn requests_of_every_api() {
    check(
        r#"{"model": "m", "messages": [{"role": "user", "content": "abcd"}], "max_tokens": 7, "stream": true}"#,
        Some("m"),
        true,
        Some(7),
        4,
    );
    check(r#"{"prompt": "abc", "model": "m\u0041"}"#, Some("mA"), false, None, 3);
    check(r#"{"prompt": ["ab", "c"], "max_completion_tokens": 5, "max_tokens": 9}"#, None, false, Some(5), 3);
    check(r#"{"prompt": [1, 2, 3]}"#, None, false, None, 12);
    check(r#"{"input": "abc", "instructions": "de", "max_output_tokens": 1}"#, None, false, Some(1), 5);
    check(
        r#"{"system": "be kind", "messages": [{"role": "user", "content":
            [{"type": "text", "text": "ab"}, {"type": "image_url", "image_url": {"url": "data:,"}}]}]}"#,
        None,
        false,
        None,
        9,
    );
    check("{}", None, false, None, 0);
}

#[test]
fn what_is_strange_is_absent() {
    check(r#"{"model": 7, "stream": "yes", "max_tokens": -1}"#, None, false, None, 0);
    check(r#"{"model": {"a": [1]}, "stream": 1, "max_tokens": "7"}"#, None, false, None, 0);
    check(
        r#"{"model": null, "stream": null, "max_tokens": 1e30, "prompt": {"x": 1.5}}"#,
        None,
        false,
        Some(u32::MAX),
        0,
    );
    check(r#"{"max_tokens": 3.9, "stream": false, "stream": true}"#, None, true, Some(3), 0);
    check(&format!(r#"{{"model": "{}"}}"#, "m".repeat(257)), None, false, None, 0);
}

#[test]
fn what_is_no_object_is_an_error_that_says_where() {
    for (body, expected) in [
        ("", "not json, at line 1 column 0"),
        ("{\n \"a\": }", "not json, at line 2 column 7"),
        ("{} {}", "not json, at line 1 column 4"),
        ("[1]", "not a json object"),
        ("\"secret\"", "not a json object"),
    ] {
        assert_eq!(read(body.as_bytes(), PREFIX).unwrap_err().to_string(), expected, "{body}");
    }
    assert!(read(b"{\"prompt\": \"\xff\"}", PREFIX).is_err());
    let deep = format!(r#"{{"messages": {}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    assert!(read(deep.as_bytes(), PREFIX).is_err());
}

#[test]
fn the_prefix_is_of_the_prompt_alone_and_knows_its_pieces() {
    let hash = |body: Value| facts(&body).prefix_hash;
    assert_eq!(hash(json!({"model": "a"})), None);
    assert_eq!(
        hash(json!({"model": "a", "prompt": "x"})),
        hash(json!({"prompt": "x", "model": "b", "user": "u"}))
    );
    assert_ne!(hash(json!({"prompt": ["ab", "c"]})), hash(json!({"prompt": ["a", "bc"]})));
    let chat = |role, content| hash(json!({"messages": [{"role": role, "content": content}]}));
    assert_ne!(chat("user", "x"), chat("system", "x"));
    let image =
        |url| hash(json!({"messages": [{"content": [{"type": "image_url", "image_url": {"url": url}}]}]}));
    assert_ne!(image("a"), image("b"));
    assert_eq!(hash(json!({"prompt": "x"})), Some(0xcd01_b01a_7409_7893), "the same on every machine");
}

#[test]
fn facts_are_handed_on() {
    let read = facts(&json!({"model": "m", "prompt": "abc", "stream": true, "max_tokens": 3}));
    assert_eq!(Facts::decode(&read.encode().unwrap()), Ok(read.clone()));
    assert!(Facts::decode(b"\x09nonsense").is_err());
    assert_eq!(read.model_key(), facts(&json!({"model": "m"})).model_key());
    assert_ne!(read.model_key(), facts(&json!({"model": "n"})).model_key());
    assert_eq!(Facts::default().model_key(), None);
}

proptest! {
    #[test]
    fn only_the_beginning_of_a_prompt_counts(prefix in "\\PC{80}", rest in "\\PC{0,40}", other in "\\PC{0,40}") {
        let hash = |rest: &str| facts(&json!({"prompt": format!("{prefix}{rest}")})).prefix_hash;
        prop_assert_eq!(hash(&rest), hash(&other));
        let changed = facts(&json!({"prompt": format!("!{prefix}")})).prefix_hash;
        prop_assert!(prefix.starts_with('!') || hash("") != changed);
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let is_object = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object());
        prop_assert_eq!(read(&bytes, PREFIX).is_ok(), is_object);
    }

    #[test]
    fn and_so_is_text_that_looks_like_json(text in "[\\{\\}\\[\\]\":,0-9a-z \\\\-]{0,40}") {
        let is_object = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object());
        prop_assert_eq!(read(text.as_bytes(), PREFIX).is_ok(), is_object);
    }
}
