#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::api::Api;

#[track_caller]
fn check(body: &str, members: &[(&str, &str)], expected: &str) {
    let written = set_members(body.as_bytes(), members).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    check(r#"{"a":1}"#, &[("a", "25")], r#"{"a":25}"#);
    check(
        "\n{ \"a\" :\t[1, {}] , \"b\": 1.50 }\n",
        &[("a", "\"x\"")],
        "\n{ \"a\" :\t\"x\" , \"b\": 1.50 }\n",
    );
    check(r#"{"a": "}\"", "b": null}"#, &[("b", "true"), ("a", "1")], r#"{"a": 1, "b": true}"#);
    check(r#"{"a": {"b": 1}, "b": 2}"#, &[("b", "3")], r#"{"a": {"b": 1}, "b": 3}"#);
    check(r#"{"a": 1}"#, &[], r#"{"a": 1}"#);
}

#[test]
fn a_name_is_the_same_however_it_is_escaped() {
    check(r#"{"max\u005ftokens": 9}"#, &[("max_tokens", "1")], r#"{"max\u005ftokens": 1}"#);
    check(r#"{"\"\u00e9": 9}"#, &[("\"é", "1")], r#"{"\"\u00e9": 1}"#);
}

#[test]
fn a_member_that_is_not_there_is_added_last() {
    check("{}", &[("a", "1")], r#"{"a":1}"#);
    check(" { } ", &[("a", "1"), ("b", "2")], r#" { "a":1,"b":2} "#);
    check(r#"{"a": 1 }"#, &[("b", "2")], r#"{"a": 1 ,"b":2}"#);
    check(r#"{"a": "}"}"#, &[("b", "2"), ("a", "3"), ("\"c\"", "4")], r#"{"a": 3,"b":2,"\"c\"":4}"#);
    check(r#"{"a": {"b": 1}}"#, &[("b", "2")], r#"{"a": {"b": 1},"b":2}"#);
}

#[test]
fn the_text_of_a_member() {
    let text = |name| member(b"{\"a\" : [1, \"b\"] , \"b\":\n1.0\t, \"c\\n\": null}", name).unwrap();
    assert_eq!(text("a"), Some(&b"[1, \"b\"]"[..]));
    assert_eq!(text("b"), Some(&b"1.0"[..]));
    assert_eq!(text("c\n"), Some(&b"null"[..]));
    assert_eq!(text("d"), None);
}

#[test]
fn what_cannot_be_rewritten_says_why() {
    for (body, expected) in [
        ("", "not json, at line 1 column 0"),
        ("{\"a\": 1}}", "not json, at line 1 column 9"),
        ("{\"b\": }", "not json, at line 1 column 7"),
        ("{\"a\": 01}", "not json, at line 1 column 8"),
        ("[{\"a\": 1}]", "not a json object"),
        ("\"secret\"", "not a json object"),
        ("{\"a\": 1, \"\\u0061\": 2}", "a member comes twice"),
    ] {
        let error = set_members(body.as_bytes(), &[("a", "1")]).unwrap_err();
        assert_eq!(error.to_string(), expected, "{body}");
        assert_eq!(member(body.as_bytes(), "a"), Err(error), "{body}");
    }
    assert!(set_members(b"{\"b\": \"\xff\"}", &[("a", "1")]).is_err());
    assert_eq!(set_members(b"{}", &[("a", "1"), ("a", "2")]), Err(RewriteError::Twice));
    check(r#"{"b": 1, "b": 2}"#, &[("a", "3")], r#"{"b": 1, "b": 2,"a":3}"#);
}

#[test]
fn the_depth_is_bounded_as_for_facts() {
    for depth in [100, 125, 126, 127, 128, 200_000] {
        let body = format!(r#"{{"messages": {}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let facts = crate::facts::read(body.as_bytes(), 64).map(drop);
        let rewritten = set_members(body.as_bytes(), &[("a", "1")]).map(drop);
        assert_eq!(rewritten, facts.map_err(RewriteError::from), "{depth}");
        assert_eq!(rewritten.is_ok(), depth < 127, "{depth}");
    }
}

#[track_caller]
fn capped(api: Api, body: &str, expected: Option<&str>) {
    let written = capped_output(body.as_bytes(), api, 256).unwrap();
    assert_eq!(written.map(|body| String::from_utf8(body).unwrap()).as_deref(), expected, "{body}");
}

#[test]
fn a_limit_is_lowered_and_never_raised() {
    let chat = Api::ChatCompletions;
    capped(chat, r#"{"max_tokens": 300, "n": 1}"#, Some(r#"{"max_tokens": 256, "n": 1}"#));
    capped(chat, r#"{"max_tokens": 256}"#, None);
    capped(chat, r#"{"max_completion_tokens": 1}"#, None);
    capped(chat, r#"{"max_tokens": 9, "max_completion_tokens": null}"#, None);
    capped(
        chat,
        r#"{"max_tokens": 900, "max_completion_tokens": 1e3}"#,
        Some(r#"{"max_tokens": 256, "max_completion_tokens": 256}"#),
    );
    capped(
        chat,
        r#"{"max_tokens": 900, "max_completion_tokens": 9}"#,
        Some(r#"{"max_tokens": 256, "max_completion_tokens": 9}"#),
    );
    capped(Api::Completions, r#"{"max_completion_tokens": 900}"#, Some(r#"{"max_completion_tokens": 256}"#));
    capped(Api::Completions, r#"{"max_tokens": 0, "echo": true}"#, None);
    capped(Api::Responses, r#"{"max_output_tokens": 257}"#, Some(r#"{"max_output_tokens": 256}"#));
}

#[test]
fn where_there_is_no_limit_the_name_that_the_api_knows_is_set() {
    for (api, expected) in [
        (Api::ChatCompletions, r#"{"max_completion_tokens":256}"#),
        (Api::Completions, r#"{"max_tokens":256}"#),
        (Api::Messages, r#"{"max_tokens":256}"#),
        (Api::Responses, r#"{"max_output_tokens":256}"#),
    ] {
        capped(api, "{}", Some(expected));
    }
    capped(Api::Messages, r#"{"max_tokens": null}"#, Some(r#"{"max_tokens": 256}"#));
    capped(
        Api::ChatCompletions,
        r#"{"max_tokens": null, "max_completion_tokens": null}"#,
        Some(r#"{"max_tokens": null, "max_completion_tokens": 256}"#),
    );
    capped(Api::Embeddings, r#"{"input": "x"}"#, None);
    capped(Api::Embeddings, "no json", None);
}

#[test]
fn a_limit_that_some_server_takes_for_more_is_set() {
    for value in
        ["-1", "256.5", "1e400", "18446744073709551616", "\"5000\"", "[5000]", "{}", "true", "\"null\""]
    {
        let body = format!(r#"{{"max_tokens": {value}}}"#);
        capped(Api::Messages, &body, Some(r#"{"max_tokens": 256}"#));
    }
    for value in ["0", "-0", "0.0", "255.5", "2.56e2", "256"] {
        capped(Api::Messages, &format!(r#"{{"max_tokens": {value}}}"#), None);
    }
}
