use super::{
    ChatRequest, CompletionRequest, Format, MAX_SCHEMA_BYTES, Message, Options, RequestError, Role, Sampling,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn defaults() -> Options {
    Options {
        stream: false,
        include_usage: false,
        max_tokens: None,
        sampling: Sampling::default(),
        seed: None,
        stop: Vec::new(),
        logprobs: None,
        format: Format::Text,
    }
}

/// A completion body with one more field.
fn with(field: &str) -> String {
    format!(r#"{{"model":"m","prompt":"p",{field}}}"#)
}

#[track_caller]
fn accepts(field: &str, change: impl FnOnce(&mut Options)) {
    let mut expected = defaults();
    change(&mut expected);
    let request = CompletionRequest::parse(with(field).as_bytes());
    assert_eq!(request.map(|r| r.options), Ok(expected), "{field}");
}

#[track_caller]
fn refuses(error: Option<RequestError>, body: &str, param: Option<&str>, message: &str) {
    let error = error.unwrap_or_else(|| panic!("was accepted: {body}"));
    assert_eq!(error.to_string(), message, "{body}");
    assert_eq!(error.param(), param, "{body}");
}

#[track_caller]
fn chat_refuses(body: &str, param: Option<&str>, message: &str) {
    refuses(ChatRequest::parse(body.as_bytes()).err(), body, param, message);
}

#[track_caller]
fn option_refuses(field: &str, param: &str, message: &str) {
    let body = with(field);
    refuses(CompletionRequest::parse(body.as_bytes()).err(), &body, Some(param), message);
}

#[test]
fn a_chat_request() {
    let body = r#"{"model":"m","user":"u-1","metadata":{"a":"b"},"messages":[
        {"role":"developer","content":"Be short."},
        {"role":"user","content":[{"type":"text","text":"Say "},{"type":"text","text":"hello."}]},
        {"role":"assistant","content":""}]}"#;
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    let expected = ChatRequest {
        model: "m".to_owned(),
        messages: vec![
            message(Role::System, "Be short."),
            message(Role::User, "Say hello."),
            message(Role::Assistant, ""),
        ],
        options: defaults(),
    };
    assert_eq!(ChatRequest::parse(body.as_bytes()), Ok(expected));
}

#[test]
fn a_prompt_as_text_or_array_of_one() {
    for body in [r#"{"model":"m","prompt":"p"}"#, r#"{"model":"m","prompt":["p"]}"#] {
        let request = CompletionRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(request.prompt, "p", "{body}");
    }
}

#[test]
fn options_that_are_accepted() {
    accepts(r#""stream":true"#, |o| o.stream = true);
    accepts(r#""stream":null"#, |_| {});
    accepts(r#""stream":true,"stream_options":{"include_usage":true}"#, |o| {
        o.stream = true;
        o.include_usage = true;
    });
    accepts(r#""stream":true,"stream_options":{}"#, |o| o.stream = true);
    accepts(r#""max_tokens":7"#, |o| o.max_tokens = Some(7));
    accepts(r#""max_tokens":7,"max_completion_tokens":5"#, |o| o.max_tokens = Some(5));
    accepts(r#""temperature":0"#, |o| o.sampling.temperature = 0.0);
    accepts(r#""temperature":1e-8"#, |o| o.sampling.temperature = 1e-8);
    accepts(r#""top_p":1e-8"#, |o| o.sampling.top_p = 1e-8);
    accepts(r#""top_p":0.5"#, |o| o.sampling.top_p = 0.5);
    accepts(r#""top_k":40"#, |o| o.sampling.top_k = Some(40));
    accepts(r#""top_k":-1"#, |_| {});
    accepts(r#""top_k":0"#, |_| {});
    accepts(r#""repetition_penalty":1.1"#, |o| o.sampling.repetition_penalty = 1.1);
    accepts(r#""presence_penalty":-2,"frequency_penalty":0.5"#, |o| {
        (o.sampling.presence_penalty, o.sampling.frequency_penalty) = (-2.0, 0.5);
    });
    accepts(r#""seed":42"#, |o| o.seed = Some(42));
    accepts(r#""seed":-1"#, |o| o.seed = Some(u64::MAX));
    accepts(r#""stop":"x""#, |o| o.stop = vec!["x".to_owned()]);
    accepts(r#""stop":["x","y"]"#, |o| o.stop = vec!["x".to_owned(), "y".to_owned()]);
    accepts(r#""stop":[]"#, |_| {});
    accepts(r#""n":1,"best_of":1,"echo":false,"logprobs":null,"logit_bias":{}"#, |_| {});
    accepts(r#""response_format":{"type":"text"}"#, |_| {});
}

/// What a chat of one word with these fields asks for.
fn chat_with(fields: &str) -> Result<ChatRequest, RequestError> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{fields}}}"#);
    ChatRequest::parse(body.as_bytes())
}

#[test]
fn logprobs_in_the_two_ways_to_ask_for_them() {
    for (fields, expected) in [
        (r#""logprobs":null"#, None),
        (r#""logprobs":false"#, None),
        (r#""logprobs":false,"top_logprobs":null"#, None),
        (r#""logprobs":true"#, Some(0)),
        (r#""logprobs":true,"top_logprobs":0"#, Some(0)),
        (r#""top_logprobs":20,"logprobs":true"#, Some(20)),
    ] {
        assert_eq!(chat_with(fields).map(|chat| chat.options.logprobs), Ok(expected), "{fields}");
    }
    accepts(r#""logprobs":false"#, |_| {});
    accepts(r#""logprobs":0"#, |o| o.logprobs = Some(0));
    accepts(r#""logprobs":5"#, |o| o.logprobs = Some(5));
}

#[test]
fn logprobs_that_are_refused() {
    let alone = "top_logprobs: expected no value unless \"logprobs\" is true, got";
    for (fields, param, message) in [
        (r#""top_logprobs":2"#, "top_logprobs", format!("{alone} 2")),
        (r#""top_logprobs":0,"logprobs":false"#, "top_logprobs", format!("{alone} 0")),
        (r#""logprobs":2"#, "logprobs", "logprobs: expected true or false, got 2".to_owned()),
        (
            r#""logprobs":true,"top_logprobs":21"#,
            "top_logprobs",
            "top_logprobs: expected an integer from 0 to 20, got 21".to_owned(),
        ),
        (
            r#""logprobs":true,"top_logprobs":-1"#,
            "top_logprobs",
            "top_logprobs: expected an integer from 0 to 20, got -1".to_owned(),
        ),
    ] {
        refuses(chat_with(fields).err(), fields, Some(param), &message);
    }
    for (value, got) in [("true", "true"), ("6", "6"), ("-1", "-1"), ("1.5", "1.5")] {
        let message = format!("logprobs: expected an integer from 0 to 5, got {got}");
        option_refuses(&format!(r#""logprobs":{value}"#), "logprobs", &message);
    }
    option_refuses(
        r#""logprobs":1,"top_logprobs":1"#,
        "top_logprobs",
        "top_logprobs: expected no value: in a completion \"logprobs\" is the number, got 1",
    );
}

#[test]
fn forms_of_an_answer() {
    accepts(r#""response_format":null"#, |_| {});
    accepts(r#""response_format":{"type":"json_object"}"#, |o| o.format = Format::JsonObject);
    let schema = r#"{"type":"object","properties":{"b":{},"a":{}}}"#;
    for strict in ["", r#","strict":true"#, r#","strict":false,"description":"x""#] {
        accepts(
            &format!(
                r#""response_format":{{"type":"json_schema","json_schema":{{"name":"a-1_B","schema":{schema}{strict}}}}}"#
            ),
            |o| o.format = Format::JsonSchema(serde_json::from_str(schema).unwrap()),
        );
    }
}

#[test]
fn forms_that_are_refused() {
    let refuses = |format: &str, param: &str, message: &str| {
        option_refuses(&format!(r#""response_format":{format}"#), param, &format!("{param}: {message}"));
    };
    refuses(
        "\"json\"",
        "response_format",
        "expected an object such as {\"type\": \"json_object\"}, got a string of 4 bytes",
    );
    refuses("{}", "response_format.type", "required, expected one of text, json_object, json_schema");
    refuses(
        r#"{"type":"grammar"}"#,
        "response_format.type",
        "expected one of text, json_object, json_schema, got \"grammar\"",
    );
    refuses(
        r#"{"type":"json_schema"}"#,
        "response_format.json_schema",
        "required, expected an object such as {\"name\": \"...\", \"schema\": {}}",
    );
    let schema = |fields: &str, param: &str, message: &str| {
        let format = format!(r#"{{"type":"json_schema","json_schema":{{{fields}}}}}"#);
        refuses(&format, &format!("response_format.json_schema.{param}"), message);
    };
    let name = "a name of 1 to 64 letters, digits, _ and -";
    schema(r#""schema":{}"#, "name", &format!("required, expected {name}"));
    schema(r#""name":"","schema":{}"#, "name", &format!("expected {name}, got an empty string"));
    schema(r#""name":"a b","schema":{}"#, "name", &format!("expected {name}, got a string of 3 bytes"));
    schema(r#""name":"a""#, "schema", "required, expected a JSON schema, an object");
    schema(r#""name":"a","schema":[]"#, "schema", "expected a JSON schema, an object, got an empty array");
    schema(r#""name":"a","schema":{},"strict":1"#, "strict", "expected true or false, got 1");
    let long = format!(r#""name":"a","schema":{{"title":"{}"}}"#, "x".repeat(MAX_SCHEMA_BYTES - 11));
    schema(&long, "schema", "expected at most 32768 bytes, got 32769");
    let deep = |depth: usize| {
        format!(r#""name":"a","schema":{}{}"#, r#"{"a":"#.repeat(depth - 1), "{}") + &"}".repeat(depth - 1)
    };
    schema(&deep(33), "schema", "expected at most 32 objects and arrays inside of each other, got 33");
    let fits = format!(r#""response_format":{{"type":"json_schema","json_schema":{{{}}}}}"#, deep(32));
    assert!(CompletionRequest::parse(with(&fits).as_bytes()).is_ok());
}

#[test]
fn options_that_are_refused() {
    option_refuses(r#""stream":1"#, "stream", "stream: expected true or false, got 1");
    option_refuses(
        r#""stream_options":{"include_usage":true}"#,
        "stream_options",
        "stream_options: expected no value unless \"stream\" is true, got an object",
    );
    option_refuses(
        r#""stream":true,"stream_options":{"include_usage":"yes"}"#,
        "stream_options.include_usage",
        "stream_options.include_usage: expected true or false, got a string of 3 bytes",
    );
    let tokens = "an integer from 1 to 4294967295";
    for (value, got) in [("0", "0"), ("-1", "-1"), ("1.5", "1.5"), ("\"7\"", "a string of 1 bytes")] {
        for name in ["max_tokens", "max_completion_tokens"] {
            let message = format!("{name}: expected {tokens}, got {got}");
            option_refuses(&format!(r#""{name}":{value}"#), name, &message);
        }
    }
    option_refuses(r#""n":2"#, "n", "n: expected 1 (one choice for each request), got 2");
    option_refuses(r#""echo":true"#, "echo", "echo: not supported, leave it out or set it to false");
    option_refuses(r#""tools":[{}]"#, "tools", "tools: not supported, leave it out or set it to []");
}

#[test]
fn ways_to_choose_tokens_that_are_refused() {
    let number = "a number from";
    for (name, expected, values) in [
        ("temperature", "0, or a number from 1e-10 to 2", &["2.1", "-0.1", "1e-300", "1e+300", "true"][..]),
        ("top_p", "a number above 0, to 1", &["0", "0.0", "-0.1", "1.0001", "2", "[0.5]"]),
        ("top_k", "an integer from 1 to 4294967295", &["-2", "1.5", "4294967296", "-9223372036854775808"]),
        ("repetition_penalty", &format!("{number} 0.01 to 10"), &["0", "-1", "1e-300", "10.1"]),
        ("presence_penalty", &format!("{number} -2 to 2"), &["2.1", "-2.1", "false"]),
        ("frequency_penalty", &format!("{number} -2 to 2"), &["1e+300", "-3"]),
        ("seed", "an integer", &["1.5", "1.0", "18446744073709551616", "-9223372036854775809", "true"]),
    ] {
        for value in values {
            let got = match *value {
                "[0.5]" => "an array of 1",
                // Integers of more than 64 bits are read as the nearest floating-point numbers.
                "18446744073709551616" => "1.8446744073709552e+19",
                "-9223372036854775809" => "-9.223372036854776e+18",
                value => value,
            };
            option_refuses(
                &format!(r#""{name}":{value}"#),
                name,
                &format!("{name}: expected {expected}, got {got}"),
            );
        }
        for (value, got) in [("\"1\"", "a string of 1 bytes"), ("{}", "an object")] {
            option_refuses(
                &format!(r#""{name}":{value}"#),
                name,
                &format!("{name}: expected {expected}, got {got}"),
            );
        }
    }
}

/// JSON has no infinity, but numbers that are none the less too large. NaN is no JSON at all.
#[test]
fn numbers_that_nothing_can_hold() {
    let wrong = "expected numbers that 64 bits can hold, got";
    for name in ["temperature", "top_p", "top_k", "presence_penalty", "seed", "max_tokens", "n", "unknown"] {
        for value in ["1e999", "-1e999"] {
            option_refuses(&format!(r#""{name}":{value}"#), name, &format!("{name}: {wrong} {value}"));
        }
    }
    let long = format!("1{}", "0".repeat(400));
    option_refuses(&format!(r#""top_k":{long}"#), "top_k", &format!("top_k: {wrong} a larger one"));
    option_refuses(r#""stop":["x",1e999]"#, "stop", &format!("stop: {wrong} a larger one"));
    option_refuses(r#""seed":1,"top_p":1e999"#, "top_p", &format!("top_p: {wrong} 1e999"));
    let body = with(r#""top_p":NaN"#);
    let error = CompletionRequest::parse(body.as_bytes()).err();
    refuses(error, &body, None, "the body is not valid JSON: expected value at line 1 column 35");
}

#[test]
fn stop_strings_that_are_refused() {
    let long = format!("\"{}\"", "x".repeat(257));
    for (value, param, expected, got) in [
        ("\"\"", "stop", "a string of 1 to 256 bytes", "an empty string"),
        (long.as_str(), "stop", "a string of 1 to 256 bytes", "a string of 257 bytes"),
        ("[\"a\",\"\"]", "stop[1]", "a string of 1 to 256 bytes", "an empty string"),
        ("[7]", "stop[0]", "a string of 1 to 256 bytes", "7"),
        ("7", "stop", "a string or an array of at most 4 strings", "7"),
        (
            "[\"a\",\"b\",\"c\",\"d\",\"e\"]",
            "stop",
            "a string or an array of at most 4 strings",
            "an array of 5",
        ),
    ] {
        option_refuses(
            &format!(r#""stop":{value}"#),
            param,
            &format!("{param}: expected {expected}, got {got}"),
        );
    }
}

#[test]
fn bodies_that_are_refused() {
    let object = Some("the body");
    chat_refuses("", None, "the body is not valid JSON: EOF while parsing a value at line 1 column 0");
    chat_refuses(
        "{\"a\"",
        None,
        "the body is not valid JSON: EOF while parsing an object at line 1 column 4",
    );
    chat_refuses("[]", object, "the body: expected a JSON object, got an empty array");
    chat_refuses("\"x\"", object, "the body: expected a JSON object, got a string of 1 bytes");
    chat_refuses("{}", Some("model"), "model: required, expected the name of a model");
    chat_refuses(r#"{"model":7}"#, Some("model"), "model: expected the name of a model, got 7");
    chat_refuses(
        r#"{"model":""}"#,
        Some("model"),
        "model: expected the name of a model, got an empty string",
    );
}

#[test]
fn messages_that_are_refused() {
    let chat = |messages: &str, param: &str, message: &str| {
        chat_refuses(&format!(r#"{{"model":"m","messages":{messages}}}"#), Some(param), message);
    };
    chat("null", "messages", "messages: required, expected an array of at least one message");
    chat("[]", "messages", "messages: expected an array of at least one message, got an empty array");
    chat("{}", "messages", "messages: expected an array of at least one message, got an object");
    chat(
        r#"["hello"]"#,
        "messages[0]",
        "messages[0]: expected a message such as {\"role\": \"user\", \"content\": \"...\"}, got a string of 5 bytes",
    );
    chat(
        r#"[{"role":"user","content":"a"},{"content":"b"}]"#,
        "messages[1].role",
        "messages[1].role: required, expected one of system, developer, user, assistant",
    );
    chat(
        r#"[{"role":"robot","content":"a"}]"#,
        "messages[0].role",
        "messages[0].role: expected one of system, developer, user, assistant, got \"robot\"",
    );
    chat(
        r#"[{"role":"user","content":5}]"#,
        "messages[0].content",
        "messages[0].content: expected a string or an array of text parts, got 5",
    );
    chat(
        r#"[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]"#,
        "messages[0].content[0].type",
        "messages[0].content[0].type: expected \"text\" (only text is served), got \"image_url\"",
    );
    chat(
        r#"[{"role":"user","content":""}]"#,
        "messages",
        "messages: expected some text in at least one message, got only empty messages",
    );
}

#[test]
fn an_empty_or_strange_prompt_is_refused() {
    for (prompt, got) in [("\"\"", "an empty string"), ("[1,2]", "an array of 2"), ("[]", "an empty array")] {
        let body = format!(r#"{{"model":"m","prompt":{prompt}}}"#);
        let message = format!("prompt: expected a string that is not empty, got {got}");
        refuses(CompletionRequest::parse(body.as_bytes()).err(), &body, Some("prompt"), &message);
    }
}

#[test]
fn no_error_repeats_the_prompt() {
    let marker = "MARKER-4711-".repeat(4);
    for body in [
        format!(r#"{{"model":"m","messages":"{marker}"}}"#),
        format!(r#"{{"model":"m","messages":["{marker}"]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"{marker}","content":"x"}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{{"a":"{marker}"}}}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{marker}"#),
    ] {
        let error = ChatRequest::parse(body.as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("MARKER"), "{error}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_an_error() {
    let error = ChatRequest::parse(b"{\"model\":\"\xff\xfe\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body is not valid JSON: invalid unicode code point at line 1 column 11"
    );
}
