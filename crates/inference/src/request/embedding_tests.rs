use super::{EmbeddingRequest, Encoding, Input};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn parse(body: &Value) -> Result<EmbeddingRequest, super::RequestError> {
    EmbeddingRequest::parse(body.to_string().as_bytes())
}

fn texts(texts: &[&str]) -> Vec<Input> {
    texts.iter().map(|&text| Input::Text(text.to_owned())).collect()
}

/// The input is taken as these, and the last of them is found at this path.
#[track_caller]
fn accepts(input: &Value, items: &[Input], last: &str) {
    let request = parse(&json!({"model": "m", "input": input})).unwrap();
    assert_eq!(request.inputs.path(items.len() - 1), last, "{input}");
    assert_eq!(request.inputs.items(), items, "{input}");
}

#[track_caller]
fn refuses(fields: &Value, param: &str, message: &str) {
    let mut body = json!({"model": "m", "input": "x"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let error = parse(&body).expect_err("it was accepted");
    assert_eq!((error.param(), error.to_string()), (Some(param), format!("{param}: {message}")), "{body}");
}

#[test]
fn inputs_in_all_their_forms() {
    accepts(&json!("a"), &texts(&["a"]), "input");
    accepts(&json!(["a", " "]), &texts(&["a", " "]), "input[1]");
    accepts(&json!(["a"]), &texts(&["a"]), "input[0]");
    accepts(&json!([5, 0, 4_294_967_295_u32]), &[Input::Tokens(vec![5, 0, u32::MAX])], "input");
    accepts(&json!([[5], [6, 7]]), &[Input::Tokens(vec![5]), Input::Tokens(vec![6, 7])], "input[1]");
    accepts(&json!(vec!["a"; 2048]), &texts(&["a"; 2048]), "input[2047]");
    // One input of many tokens; how many the model takes is the model's own matter.
    accepts(&json!(vec![7; 3000]), &[Input::Tokens(vec![7; 3000])], "input");
}

#[test]
fn what_is_beside_the_input() {
    let plain =
        parse(&json!({"model": "m", "input": "x", "user": "u", "metadata": {}, "stream": false})).unwrap();
    assert_eq!((plain.model.as_str(), plain.encoding, plain.dimensions), ("m", Encoding::Float, None));
    let body = json!({"model": "m", "input": "x", "encoding_format": "base64", "dimensions": 384});
    let request = parse(&body).unwrap();
    assert_eq!((request.encoding, request.dimensions), (Encoding::Base64, Some(384)));
    let body = json!({"model": "m", "input": "x", "encoding_format": null, "dimensions": null});
    assert_eq!(parse(&body).unwrap(), parse(&json!({"model": "m", "input": "x"})).unwrap());
}

#[test]
fn inputs_that_are_refused() {
    let any = "expected a string, an array of strings, an array of tokens or an array of arrays of tokens";
    let input = |input: Value, param: &str, message: &str| refuses(&json!({"input": input}), param, message);
    for (strange, got) in [
        (json!(7), "7"),
        (json!({"a": 1}), "an object"),
        (json!([]), "an empty array"),
        (json!([null]), "an array of 1"),
        (json!([{}, "a"]), "an array of 2"),
    ] {
        input(strange, "input", &format!("{any}, got {got}"));
    }
    refuses(&json!({"input": null}), "input", &format!("required, {any}"));
    let text = "expected a string that is not empty, got";
    input(json!(""), "input", &format!("{text} an empty string"));
    input(json!(["a", "b", "c", ""]), "input[3]", &format!("{text} an empty string"));
    input(json!(["a", 7]), "input[1]", &format!("{text} 7"));
    input(json!(["a", [7]]), "input[1]", &format!("{text} an array of 1"));
    input(json!([[7], []]), "input[1]", "expected an array of at least one token, got an empty array");
    input(
        json!([[7], "secret"]),
        "input[1]",
        "expected an array of at least one token, got a string of 6 bytes",
    );
    let token = "expected a token, an integer from 0 to 4294967295, got";
    input(json!([7, "secret"]), "input[1]", &format!("{token} a string of 6 bytes"));
    input(json!([7, -1]), "input[1]", &format!("{token} -1"));
    input(json!([1.5]), "input[0]", &format!("{token} 1.5"));
    input(json!([[7], [7, 4_294_967_296_u64]]), "input[1][1]", &format!("{token} 4294967296"));
    input(json!(vec!["a"; 2049]), "input", "expected at most 2048 inputs, got an array of 2049");
    input(json!(vec![[7]; 2049]), "input", "expected at most 2048 inputs, got an array of 2049");
}

#[test]
fn options_that_are_refused() {
    let unsupported = |neutral| format!("not supported, leave it out or set it to {neutral}");
    refuses(
        &json!({"encoding_format": "int8"}),
        "encoding_format",
        "expected one of float, base64, got \"int8\"",
    );
    refuses(&json!({"encoding_format": 1}), "encoding_format", "expected one of float, base64, got 1");
    refuses(&json!({"dimensions": 0}), "dimensions", "expected an integer from 1 to 4294967295, got 0");
    refuses(
        &json!({"dimensions": "384"}),
        "dimensions",
        "expected an integer from 1 to 4294967295, got a string of 3 bytes",
    );
    refuses(&json!({"stream": true}), "stream", &unsupported("false"));
    refuses(&json!({"truncate_prompt_tokens": 9}), "truncate_prompt_tokens", &unsupported("null"));
    refuses(&json!({"model": ""}), "model", "expected the name of a model, got an empty string");
    refuses(&json!({"model": null}), "model", "required, expected the name of a model");
}
