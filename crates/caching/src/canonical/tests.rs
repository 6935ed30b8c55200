#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const NONE: [&str; 0] = [];

#[track_caller]
fn digest(body: &str) -> Digest {
    read(body.as_bytes(), &NONE, Limits::default()).unwrap().digest
}

#[track_caller]
fn fails(body: &str, reason: Reason) {
    assert_eq!(read(body.as_bytes(), &NONE, Limits::default()), Err(reason), "{body}");
}

#[test]
fn how_it_is_written_does_not_matter() {
    let expected = digest(r#"{"a":1,"b":"xA/😀","c":[true,null]}"#);
    for body in [
        r#"{"c":[true,null],"b":"xA/😀","a":1}"#,
        " {\n\t\"a\" : 1 ,\r \"b\":\"xA/😀\",\"c\":[ true , null ] } ",
        r#"{"\u0061":1,"b":"x\u0041\/\ud83d\ude00","c":[true,null]}"#,
    ] {
        assert_eq!(digest(body), expected, "{body}");
    }
}

#[test]
fn what_it_says_does() {
    let bodies = [
        r"{}",
        r#"{"a":1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":1.0}"#,
        r#"{"a":10}"#,
        r#"{"a":-1}"#,
        r#"{"a":[1]}"#,
        r#"{"a":[1,0]}"#,
        r#"{"a":[[1],0]}"#,
        r#"{"a":[[1,0]]}"#,
        r#"{"a":[0,1]}"#,
        r#"{"a":[]}"#,
        r#"{"a":[[]]}"#,
        r#"{"a":[[],[]]}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"a":1}}"#,
        r#"{"a":null}"#,
        r#"{"a":true}"#,
        r#"{"a":false}"#,
        r#"{"a":""}"#,
        r#"{"a":"null"}"#,
        r#"{"a":"[]"}"#,
        r#"{"b":1}"#,
        r#"{"":1}"#,
        r#"{"a":1,"b":1}"#,
        r#"{"a":1,"b":{"a":1}}"#,
        r#"{"ab":"c"}"#,
        r#"{"a":"bc"}"#,
        r#"{"a":"b\u0000c"}"#,
        // Text that looks like the borders between texts.
        r#"{"a":["b","c"]}"#,
        r#"{"a":["b\"c"]}"#,
        r#"{"a":["b#1"]}"#,
        r#"{"a":["b",1]}"#,
        r#"{"a":"b\"c"}"#,
        r#"{"a\"b":"c"}"#,
    ];
    for (n, one) in bodies.iter().enumerate() {
        for other in &bodies[n + 1..] {
            assert_ne!(digest(one), digest(other), "{one} and {other}");
        }
    }
}

/// Whoever asks how likely tokens were, or for another form, does not get what was kept for somebody who did not.
#[test]
fn what_is_asked_for_beside_the_text_does() {
    let bodies = [
        "{}",
        r#"{"logprobs":true}"#,
        r#"{"logprobs":false}"#,
        r#"{"logprobs":2}"#,
        r#"{"logprobs":true,"top_logprobs":2}"#,
        r#"{"logprobs":true,"top_logprobs":3}"#,
        r#"{"response_format":{"type":"text"}}"#,
        r#"{"response_format":{"type":"json_object"}}"#,
        r#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"enum":["a"]}}}}"#,
        r#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"enum":["b"]}}}}"#,
    ];
    for (n, one) in bodies.iter().enumerate() {
        for other in &bodies[n + 1..] {
            assert_ne!(digest(one), digest(other), "{one} and {other}");
        }
    }
}

#[test]
fn a_digest_is_the_same_in_every_release_of_this_format() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi\n"}],"temperature":0}"#;
    assert_eq!(digest(body).to_string(), "5a28ed4ae607edc515cb93026ad9580edf3fe4b7bdf57ecc0bccaa94218aa5e5");
}

#[test]
fn what_the_operator_names_does_not_matter_at_the_top() {
    let of =
        |body: &str| read(body.as_bytes(), &["user", "metadata"], Limits::default()).map(|read| read.digest);
    let plain = of(r#"{"a":{"user":1}}"#);
    assert_eq!(plain, Ok(digest(r#"{"a":{"user":1}}"#)));
    assert_eq!(of(r#"{"user":"x","a":{"user":1}}"#), plain);
    assert_eq!(of(r#"{"us\u0065r":{"b":[]},"metadata":null,"a":{"user":1}}"#), plain);
    assert_ne!(of(r#"{"a":{"user":2}}"#), plain);
    assert_ne!(of(r#"{"a":{"user":1},"users":1}"#), plain);
    assert_eq!(of(r#"{"user":1,"user":1}"#), Err(Reason::DuplicateName));
    assert_eq!(of(r#"{"user":}"#), Err(Reason::NotJson));
}

#[test]
fn what_has_no_canonical_form() {
    fails("", Reason::NotJson);
    fails(" ", Reason::NotJson);
    for body in ["[]", "1", "\"{}\"", "null", "\u{feff}{}", "x"] {
        fails(body, Reason::NotAnObject);
    }
    for body in ["{} {}", "{}x", "{},", "{}\0"] {
        fails(body, Reason::TrailingText);
    }
    for body in [
        "{",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[}",
        "{\"a\":[1}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":True}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.1}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":1e+}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\",
        "{\"a\":'b'}",
        "{\"a\":1 /**/}",
    ] {
        fails(body, Reason::NotJson);
    }
    fails(r#"{"a":"\ud83d"}"#, Reason::LoneSurrogate);
    fails(r#"{"\ude00":1}"#, Reason::LoneSurrogate);
    fails(r#"{"a":1,"\u0061":1}"#, Reason::DuplicateName);
    fails(r#"{"x":[{"a":1,"b":2,"a":3}]}"#, Reason::DuplicateName);
    assert_eq!(read(b"{\"a\":\"\xff\"}", &NONE, Limits::default()), Err(Reason::NotUtf8));
}

#[test]
fn limits_hold_and_what_is_at_the_limit_passes() {
    let limits = Limits { depth: 3, members: 2, hashes: 8 };
    #[track_caller]
    fn check(body: &str, limits: Limits, expected: Option<Reason>) {
        assert_eq!(read(body.as_bytes(), &NONE, limits).err(), expected, "{body}");
    }
    check(r#"{"a":[[1]]}"#, limits, None);
    check(r#"{"a":[[[]]]}"#, limits, Some(Reason::TooDeep));
    check(r#"{"a":{"a":{}}}"#, limits, None);
    check(r#"{"a":{"a":{"a":1}}}"#, limits, None);
    check(r#"{"a":{"a":{"a":{}}}}"#, limits, Some(Reason::TooDeep));
    check(r#"{"a":1,"b":2}"#, limits, None);
    check(r#"{"a":1,"b":2,"c":3}"#, limits, Some(Reason::TooManyMembers));
    check(r#"{"a":[{"a":1},{"a":1},{"a":1}]}"#, limits, None);
    check(r#"{"a":[{"a":1},{"a":1},{"a":1},{}]}"#, limits, Some(Reason::TooMuch));
    check(r#"{"a":[{},{},{},{},{},{}]}"#, limits, None);
    check(r#"{"a":[{},{},{},{},{},{},{}]}"#, limits, Some(Reason::TooMuch));
    let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    check(&deep(63), Limits::default(), None);
    check(&deep(64), Limits::default(), Some(Reason::TooDeep));
    check(&deep(100_000), Limits { depth: usize::MAX, ..Limits::default() }, Some(Reason::TooDeep));
}

#[track_caller]
fn facts(body: &str, expected: &Facts) {
    assert_eq!(&read(body.as_bytes(), &NONE, Limits::default()).unwrap().facts, expected, "{body}");
}

#[test]
fn facts_of_the_outermost_members() {
    facts(r#"{"messages":[{"model":"x","stream":true,"temperature":0}]}"#, &Facts::default());
    facts(
        r#"{"model":"m\u0041","stream":true,"temperature":0.0,"seed":7,"n":2,"store":true,"background":true}"#,
        &Facts {
            model: Some("mA".to_owned()),
            stream: true,
            temperature: Some(0.0),
            seed: true,
            n: Some(2),
            store: Some(true),
            background: true,
            continues: false,
        },
    );
    let nulls = r#"{"model":null,"stream":null,"temperature":null,"seed":null,"n":null,"store":null,
        "background":null,"previous_response_id":null,"conversation":null}"#;
    facts(nulls, &Facts::default());
    facts(r#"{"temperature":-1.5e1}"#, &Facts { temperature: Some(-15.0), ..Facts::default() });
    facts(
        r#"{"conversation":"c","previous_response_id":null}"#,
        &Facts { continues: true, ..Facts::default() },
    );
}

#[test]
fn strange_values_never_make_a_request_more_cacheable() {
    facts(r#"{"model":7,"stream":"true","temperature":"0","n":-1}"#, &Facts::default());
    facts(r#"{"model":["m"],"stream":1,"temperature":[0],"n":1.5}"#, &Facts::default());
    facts(
        r#"{"store":"yes","background":1,"seed":{}}"#,
        &Facts { store: Some(true), background: true, seed: true, ..Facts::default() },
    );
    facts(&format!(r#"{{"model":"{}"}}"#, "m".repeat(257)), &Facts::default());
    let longest = "m".repeat(256);
    let escaped = r"\u006d".repeat(256);
    facts(&format!(r#"{{"model":"{escaped}"}}"#), &Facts { model: Some(longest), ..Facts::default() });
}

#[test]
fn reasons_are_distinct_words() {
    let mut words = Reason::ALL.map(Reason::as_str).to_vec();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Reason::ALL.len());
}
