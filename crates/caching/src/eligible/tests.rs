use std::time::Duration;

use spillway_primitives::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::control::ResponseControl;
use crate::freshness::{Circumstances, Freshness, State, Ttl};

fn control(line: &str) -> RequestControl {
    RequestControl::parse([line.as_bytes()])
}

#[track_caller]
fn head(method: &str, path: &str, content_type: Option<&str>, line: &str, expected: Result<bool, Bypass>) {
    let head = Head {
        method: method.as_bytes(),
        api: Api::from_path(path),
        content_type: content_type.map(str::as_bytes),
        control: &control(line),
    };
    let judged = by_head(&head, Policy { get: true, ..Policy::default() });
    assert_eq!(
        judged.map(|terms| terms.needs_validator),
        expected,
        "{method} {path} {content_type:?} {line}"
    );
}

#[test]
fn heads() {
    let json = Some("application/json");
    head("POST", "/v1/chat/completions", json, "", Ok(false));
    head("POST", "/v1/embeddings", json, "no-cache, only-if-cached", Ok(false));
    head("GET", "/v1/models", None, "", Ok(true));
    head("POST", "/v1/audio/transcriptions", json, "", Err(Bypass::UnknownPath));
    head("POST", "/v1/completions", None, "", Err(Bypass::ContentType));
    head("POST", "/v1/completions", Some("multipart/form-data"), "", Err(Bypass::ContentType));
    head("POST", "/v1/completions", json, "no-store", Err(Bypass::NoStore));
    head("GET", "/v1/models", None, "no-store", Err(Bypass::NoStore));
    for method in ["HEAD", "DELETE", "get", ""] {
        head(method, "/v1/completions", json, "", Err(Bypass::Method));
    }
    let get = Head { method: b"GET", api: None, content_type: None, control: &control("") };
    assert_eq!(by_head(&get, Policy::default()), Err(Bypass::Method));
}

#[test]
fn bodies() {
    use Cacheable::{All, Deterministic, SeededToo};
    #[track_caller]
    fn check(api: Api, facts: &Facts, expected: [Result<(), Bypass>; 3]) {
        let judged = [Deterministic, SeededToo, All]
            .map(|cacheable| by_body(api, facts, Policy { cacheable, get: false }));
        assert_eq!(judged, expected, "{api:?}: {facts:?}");
    }
    let none = Facts::default();
    let cold = Facts { temperature: Some(0.0), ..none.clone() };
    let warm = Facts { temperature: Some(0.7), ..none.clone() };
    let seeded = Facts { seed: true, ..warm.clone() };
    let (random, draw) = (Err(Bypass::NotDeterministic), Err(Bypass::Seeded));
    for api in [Api::ChatCompletions, Api::Completions, Api::Messages] {
        check(api, &cold, [Ok(()); 3]);
        check(api, &none, [random, random, Ok(())]);
        check(api, &warm, [random, random, Ok(())]);
        check(api, &seeded, [draw, Ok(()), Ok(())]);
    }
    check(Api::Embeddings, &none, [Ok(()); 3]);
    let state = [Err(Bypass::ServerState); 3];
    check(Api::ChatCompletions, &Facts { store: Some(true), ..cold.clone() }, state);
    check(Api::ChatCompletions, &Facts { background: true, ..cold.clone() }, state);
    check(Api::Responses, &cold, state);
    check(Api::Responses, &Facts { store: Some(false), continues: true, ..cold.clone() }, state);
    check(Api::Responses, &Facts { store: Some(false), ..cold }, [Ok(()); 3]);
}

/// Of an entry that is fresh for 60 s and may then be used for 30 s, on terms, at a second: as what it serves.
#[track_caller]
fn serves(line: &str, second: u64, expected: Option<State>) {
    let at = |second: u64| Timestamp::from_millis((1_700_000_000 + second) * 1_000);
    let answer = ResponseControl::parse([b"max-age=60, stale-while-revalidate=30".as_slice()]);
    let entry = Freshness::of(&answer, &Ttl::default(), Duration::ZERO, at(0));
    let served = Terms::of(&control(line), false).serves(&entry, at(second), Circumstances::default());
    assert_eq!(served, expected, "{line} at {second} s");
}

#[test]
fn terms() {
    let (fresh, stale) = (Some(State::Fresh), Some(State::StaleWhileRevalidate));
    serves("", 0, fresh);
    serves("", 60, stale);
    serves("", 90, None);
    serves("no-cache", 0, None);
    serves("max-age=10", 10, fresh);
    serves("max-age=10", 11, None);
    serves("max-age=0", 0, fresh);
    serves("max-age=80", 60, None);
    serves("max-age=80, max-stale", 60, stale);
    serves("max-age=80, max-stale", 81, None);
    serves("max-stale=5", 65, stale);
    serves("max-stale=5", 66, None);
    serves("max-stale", 90, None);
    serves("min-fresh=20", 40, fresh);
    serves("min-fresh=20", 41, None);
    serves("min-fresh=0", 60, None);
}

#[test]
fn a_client_that_wants_only_an_entry_is_not_sent_on() {
    assert_eq!(Terms::of(&control("only-if-cached"), false).on_miss, OnMiss::GatewayTimeout);
    assert_eq!(Terms::of(&control(""), false).on_miss, OnMiss::Forward);
}

#[test]
fn reasons_are_distinct_words() {
    let mut words: Vec<_> = Bypass::all().map(Bypass::as_str).collect();
    let reasons = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), reasons);
}
