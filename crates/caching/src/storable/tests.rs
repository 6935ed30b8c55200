use std::time::Duration;

use spillway_inference::api::Api;
use spillway_primitives::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::freshness::Ttl;

const CONTROL: ResponseControl = ResponseControl {
    no_store: false,
    no_cache: false,
    private: false,
    public: false,
    must_revalidate: false,
    max_age: None,
    s_maxage: None,
    stale_while_revalidate: None,
    stale_if_error: None,
};

/// An answer with nothing about it that would keep it out.
fn good() -> Head<'static> {
    let now = Timestamp::from_millis(1_700_000_000_000);
    Head {
        status: 200,
        content_type: Some(b"application/json"),
        content_encoding: None,
        vary: &[],
        control: &CONTROL,
        freshness: Freshness::of(&CONTROL, &Ttl::default(), Duration::ZERO, now),
        set_cookie: false,
        has_validator: false,
        release: None,
        degraded: false,
    }
}

fn asked() -> Asked<'static> {
    Asked { tenant_is_authorization: true, authorized: true, release: None, needs_validator: false }
}

const POLICY: Policy<'static> = Policy { share_authorized: false, codings: &[], keyed: &[] };

#[track_caller]
fn head(head: &Head<'_>, expected: Result<MediaType, Unstorable>) {
    assert_eq!(by_head(head, &asked(), &POLICY), expected, "{head:?}");
}

#[test]
fn heads() {
    head(&good(), Ok(MediaType::Json));
    head(&Head { content_type: Some(b"text/event-stream"), ..good() }, Ok(MediaType::Events));
    head(&Head { content_type: None, ..good() }, Err(Unstorable::ContentType));
    head(&Head { content_type: Some(b"text/html"), ..good() }, Err(Unstorable::ContentType));
    for status in [0, 100, 201, 204, 206, 301, 400, 429, 500] {
        head(&Head { status, ..good() }, Err(Unstorable::Status));
    }
    for (line, reason) in [
        ("no-store", Unstorable::NoStore),
        ("no-cache", Unstorable::NoCache),
        ("private, max-age=60", Unstorable::Private),
    ] {
        let control = ResponseControl::parse([line.as_bytes()]);
        head(&Head { control: &control, ..good() }, Err(reason));
    }
    head(&Head { set_cookie: true, ..good() }, Err(Unstorable::SetCookie));
    head(&Head { freshness: Freshness::default(), ..good() }, Err(Unstorable::AlreadyStale));
    head(&Head { degraded: true, ..good() }, Err(Unstorable::Degraded));
    head(&Head { content_encoding: Some(b"gzip"), ..good() }, Err(Unstorable::ContentEncoding));
    head(&Head { content_encoding: Some(b"Identity"), ..good() }, Ok(MediaType::Json));
}

#[test]
fn what_varies_by_something_outside_of_the_key() {
    let vary = |lines: &[&str], asked: &Asked<'_>, policy: &Policy<'_>| {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        by_head(&Head { vary: &lines, ..good() }, asked, policy).is_ok()
    };
    let of_all = Asked { tenant_is_authorization: false, authorized: false, ..asked() };
    assert!(!vary(&["*"], &asked(), &POLICY));
    assert!(!vary(&["Origin"], &asked(), &POLICY));
    assert!(!vary(&["Accept-Encoding", "x, *"], &asked(), &POLICY));
    assert!(vary(&["", " ,"], &asked(), &POLICY));
    assert!(vary(&["Accept-Encoding, Authorization"], &asked(), &POLICY));
    assert!(!vary(&["Authorization"], &of_all, &POLICY));
    assert!(vary(&["X-Team, origin"], &of_all, &Policy { keyed: &["origin", "x-team"], ..POLICY }));
    let gzip = Policy { codings: &["gzip"], ..POLICY };
    let answer = Head { content_encoding: Some(b"GZIP"), vary: &[b"accept-encoding"], ..good() };
    assert_eq!(by_head(&answer, &asked(), &gzip), Err(Unstorable::Vary));
    assert!(by_head(&Head { vary: &[], ..answer }, &asked(), &gzip).is_ok());
    assert!(by_head(&answer, &asked(), &Policy { keyed: &["accept-encoding"], ..gzip }).is_ok());
}

#[test]
fn an_answer_to_who_is_authorized_is_not_everybodys() {
    let check = |authorized, tenant_is_authorization, line: &str, share_authorized| {
        let control = ResponseControl::parse([line.as_bytes()]);
        let asked = Asked { tenant_is_authorization, authorized, ..asked() };
        by_head(&Head { control: &control, ..good() }, &asked, &Policy { share_authorized, ..POLICY })
    };
    let refused = Err(Unstorable::Authorization);
    assert_eq!(check(true, false, "max-age=60", false), refused);
    assert!(check(true, false, "max-age=60", true).is_ok());
    assert!(check(true, false, "public", false).is_ok());
    assert!(check(true, false, "s-maxage=60", false).is_ok());
    assert!(check(true, false, "must-revalidate", false).is_ok());
    assert!(check(false, false, "", false).is_ok());
    assert!(check(true, true, "", false).is_ok());
}

#[test]
fn releases_and_validators() {
    let check = |answer: Option<&[u8]>, key: Option<&[u8]>| {
        by_head(&Head { release: answer, ..good() }, &Asked { release: key, ..asked() }, &POLICY)
    };
    assert!(check(None, None).is_ok() && check(Some(b"2"), None).is_ok() && check(None, Some(b"2")).is_ok());
    assert!(check(Some(b"2"), Some(b"2")).is_ok());
    assert_eq!(check(Some(b"2"), Some(b"1")), Err(Unstorable::OtherRelease));
    let asked = Asked { needs_validator: true, ..asked() };
    assert_eq!(by_head(&good(), &asked, &POLICY), Err(Unstorable::NoValidator));
    assert!(by_head(&Head { has_validator: true, ..good() }, &asked, &POLICY).is_ok());
}

#[track_caller]
fn json(api: Api, body: &str, expected: Result<(), Unstorable>) {
    assert_eq!(by_body(MediaType::Json, Some(api), body.as_bytes(), true, 200), expected, "{body}");
}

#[test]
fn answers_in_json() {
    json(Api::ChatCompletions, r#"{"id":"x","choices":[{"message":{"content":"an \"error\""}}]}"#, Ok(()));
    json(Api::ChatCompletions, r#"{"error":null,"status":"odd"}"#, Ok(()));
    json(Api::ChatCompletions, r#"{"choices":[{"error":1}]}"#, Ok(()));
    json(Api::ChatCompletions, r#"{"error":{"message":"out of memory"}}"#, Err(Unstorable::Error));
    json(Api::Embeddings, r#"{"error":"no"}"#, Err(Unstorable::Error));
    json(Api::Responses, r#"{"error":null,"status":"completed"}"#, Ok(()));
    json(Api::Responses, r#"{"error":null,"status":"incomplete"}"#, Err(Unstorable::Unfinished));
    json(Api::Responses, r#"{"id":"x"}"#, Err(Unstorable::Unfinished));
    for body in ["", "{\"id\":", "[1]", "[]", "null", "{} {}", "data: [DONE]\n\n"] {
        json(Api::ChatCompletions, body, Err(Unstorable::NotJson));
    }
}

#[test]
fn whole_and_not_too_large() {
    let judge = |is_whole, max_bytes| by_body(MediaType::Json, None, b"{}", is_whole, max_bytes);
    assert_eq!(judge(true, 2), Ok(()));
    assert_eq!(judge(true, 1), Err(Unstorable::TooLarge));
    assert_eq!(judge(false, 2), Err(Unstorable::Incomplete));
}

#[track_caller]
fn stream(api: Option<Api>, body: &str, expected: Result<(), Unstorable>) {
    assert_eq!(by_body(MediaType::Events, api, body.as_bytes(), true, 1_000), expected, "{body}");
}

#[test]
fn streams() {
    let chat = Some(Api::ChatCompletions);
    stream(chat, "data: {\"choices\":[]}\n\ndata: [DONE]\n\n", Ok(()));
    stream(chat, "data: {\"choices\":[]}\n\n", Err(Unstorable::NoTerminalEvent));
    stream(None, "data: [DONE]\n\n", Err(Unstorable::NoTerminalEvent));
    stream(Some(Api::Embeddings), "data: [DONE]\n\n", Err(Unstorable::NoTerminalEvent));
    stream(Some(Api::Messages), "event: message_stop\ndata: {}\n\n", Ok(()));
    stream(Some(Api::Responses), "event: response.completed\ndata: {}\n\n", Ok(()));
    stream(Some(Api::Responses), "event: response.incomplete\ndata: {}\n\n", Err(Unstorable::Unfinished));
    stream(Some(Api::Responses), "event: response.failed\ndata: {}\n\n", Err(Unstorable::Error));
}

#[test]
fn errors_in_the_middle_of_a_stream() {
    let check = |events: &str, expected| {
        stream(Some(Api::ChatCompletions), &format!("{events}\n\ndata: [DONE]\n\n"), expected);
    };
    check(r#"data: {"error":{"message":"out of memory"}}"#, Err(Unstorable::Error));
    check("data:{\"a\":1}\r\n\r\ndata:{\"error\": \"x\"}\r", Err(Unstorable::Error));
    check("event: error\ndata: {}", Err(Unstorable::Error));
    check("data: {\"error\"\ndata: :1}", Err(Unstorable::Error));
    check(r#"data: {"error":null}"#, Ok(()));
    check(r#"data: {"choices":[{"delta":{"content":"the \"error\" is"}}]}"#, Ok(()));
    check(r#"data: {"choices":[{"error":1}]}"#, Ok(()));
    check("event: errors\ndata: {}", Ok(()));
}

#[test]
fn reasons_are_distinct_words_and_not_those_of_requests() {
    let mut words = Unstorable::ALL.map(Unstorable::as_str).to_vec();
    words.extend(crate::eligible::Bypass::all().map(crate::eligible::Bypass::as_str));
    let reasons = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), reasons);
    assert!(Unstorable::SetCookie.is_lasting() && !Unstorable::Incomplete.is_lasting());
}
