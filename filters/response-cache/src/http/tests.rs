use std::rc::Rc;

use proxy_wasm::types::Action;
use spillway_contract::cache::protocol;
use spillway_host::{Buffer, Headers, Host, Path, fake::Fake};
use spillway_primitives::Timestamp;

use crate::Root;
use crate::http::Stream;

const CHAT: &[u8] = br#"{"model":"m","temperature":0,"messages":[{"role":"user","content":"Hello"}]}"#;
const ANSWER: &[u8] = br#"{"choices":[{"message":{"content":"Hello."}}]}"#;
const ROOT: u32 = 1;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn configured(host: &Rc<Fake>, configuration: &str) -> Root {
    host.set_now(at(0));
    host.set_configuration(configuration);
    let mut root = Root::new(Rc::clone(host) as Rc<dyn Host>, ROOT);
    assert!(root.configure(configuration.len()), "refused: {configuration}");
    root
}

/// A POST whose body has come.
fn ask(host: &Fake, root: &Root, id: u32, body: &[u8], more: &[(&str, &str)]) -> (Stream, Action) {
    host.clear_headers(Headers::Request);
    host.clear_headers(Headers::Response);
    let chat = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        (":authority", "api"),
        ("content-type", "application/json"),
    ];
    for (name, value) in chat.iter().chain(more) {
        host.set_header(Headers::Request, name, value).unwrap();
    }
    let mut stream = root.stream(id);
    let action = stream.headers(false);
    if action == Action::Continue {
        return (stream, action);
    }
    host.put_buffer(Buffer::RequestBody, body);
    let action = stream.body(body.len(), true);
    (stream, action)
}

/// The upstream answers, whole.
fn answer(host: &Fake, stream: &mut Stream, status: &str, body: &[u8]) -> Action {
    host.set_header(Headers::Response, ":status", status).unwrap();
    host.set_header(Headers::Response, "content-type", "application/json").unwrap();
    let action = stream.response_headers(false);
    host.put_buffer(Buffer::ResponseBody, body);
    stream.response_body(body.len(), true);
    stream.done();
    action
}

fn decision(host: &Fake) -> String {
    let line = host.property(Path("spillway_response_cache")).unwrap().unwrap_or_default();
    String::from_utf8(line).unwrap()
}

fn counted(host: &Fake, noun: &str) -> u64 {
    host.metric_named(&format!("spillway.response_cache.{noun}")).unwrap()
}

#[test]
fn an_answer_is_kept_and_given_again() {
    let host = Fake::new();
    let root = configured(&host, "{}");
    let (mut first, action) = ask(&host, &root, 2, CHAT, &[]);
    assert_eq!((action, decision(&host).as_str()), (Action::Continue, "result=miss"));
    answer(&host, &mut first, "200", ANSWER);
    let status = host.header(Headers::Response, "cache-status").unwrap().unwrap();
    assert_eq!(status, b"spillway; fwd=miss");
    host.set_now(at(5_000));
    let (mut second, action) = ask(&host, &root, 3, CHAT, &[]);
    assert_eq!(action, Action::Pause);
    let reply = host.last_reply().unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, ANSWER));
    for header in [
        ("age", "5"),
        ("cache-status", "spillway; hit; ttl=3595; detail=memory"),
        ("content-type", "application/json"),
    ] {
        assert!(reply.headers.contains(&(header.0.into(), header.1.into())), "{:?}", reply.headers);
    }
    second.done();
    assert_eq!(counted(&host, "hits_memory_total"), 1);
    assert!(counted(&host, "memory_bytes") > ANSWER.len() as u64);
}

/// The price of a hit, in calls to the host: each costs a fraction of a microsecond.
#[test]
fn a_hit_makes_few_calls() {
    let host = Fake::new();
    let root = configured(&host, r#"{"pool": "inference"}"#);
    let (mut first, _) = ask(&host, &root, 2, CHAT, &[]);
    answer(&host, &mut first, "200", ANSWER);
    for hit in 0..4 {
        ask(&host, &root, 3 + hit, CHAT, &[]);
    }
    host.take_calls();
    let before = host.replies();
    ask(&host, &root, 9, CHAT, &[]);
    assert_eq!(host.replies(), before + 1);
    // Four of them are this test's own: it sets the request's headers.
    let calls = host.take_calls() - 4;
    assert!(calls <= 9, "{calls} calls");
}

#[test]
fn who_waits_is_answered_when_the_leader_is_done() {
    let host = Fake::new();
    let root = configured(&host, "{}");
    let (mut leader, action) = ask(&host, &root, 2, CHAT, &[]);
    assert_eq!(action, Action::Continue);
    let (mut follower, action) = ask(&host, &root, 3, CHAT, &[]);
    assert_eq!((action, counted(&host, "followers_total")), (Action::Pause, 1));
    answer(&host, &mut leader, "200", ANSWER);
    assert_eq!(host.replies(), 0, "not yet: it is woken by mail");
    wake(&host, &root);
    assert_eq!(host.last_reply().unwrap().body, ANSWER);
    assert_eq!(decision(&host), "result=collapsed");
    follower.done();
    assert_eq!(host.resumed(), 0);
}

fn wake(host: &Fake, root: &Root) {
    let queue = host.resolve_queue("spillway", "spillway-cache-1").unwrap().unwrap();
    root.mail(queue);
}

#[test]
fn a_leader_that_fails_is_succeeded_by_one() {
    let host = Fake::new();
    let root = configured(&host, "{}");
    let (mut leader, _) = ask(&host, &root, 2, CHAT, &[]);
    let (_second, _) = ask(&host, &root, 3, CHAT, &[]);
    let (_third, _) = ask(&host, &root, 4, CHAT, &[]);
    answer(&host, &mut leader, "500", b"{}");
    wake(&host, &root);
    assert_eq!((host.resumed(), counted(&host, "successions_total")), (1, 1), "not both");
}

#[test]
fn who_waits_for_too_long_goes_on() {
    let host = Fake::new();
    let root = configured(&host, r#"{"follower_timeout_ms": 1000}"#);
    let (_leader, _) = ask(&host, &root, 2, CHAT, &[]);
    let (_follower, _) = ask(&host, &root, 3, CHAT, &[]);
    host.set_now(at(999));
    root.tick();
    assert_eq!(host.resumed(), 0);
    host.set_now(at(1_000));
    root.tick();
    assert_eq!((host.resumed(), counted(&host, "followers_late_total")), (1, 1));
    root.tick();
    assert_eq!(host.resumed(), 1, "once");
    // The leader's time is over too, so the next one leads.
    let (_next, _) = ask(&host, &root, 4, CHAT, &[]);
    let (_other, action) = ask(&host, &root, 5, CHAT, &[]);
    assert_eq!(action, Action::Pause);
    host.set_now(Timestamp::from_millis(1_600_000_000_000));
    root.tick();
    assert_eq!(host.resumed(), 2, "nor until a clock that stepped back has caught up");
}

#[test]
fn the_tier_is_asked_and_what_it_has_is_given() {
    let host = Fake::new();
    host.add_cluster("cache-tier");
    let configuration = r#"{"tier": {}}"#;
    let root = configured(&host, configuration);
    let (mut first, action) = ask(&host, &root, 2, CHAT, &[]);
    assert_eq!(action, Action::Pause, "the tier is asked first");
    let question = host.last_call().unwrap();
    assert!(question.path.starts_with(protocol::ENTRIES_PATH) && question.path.contains("lease_ms="));
    assert!(question.path.contains("within_ms=40"), "less than the 50 ms for which it waits");
    host.answer_call(Some(404), b"");
    host.put_callout_header(protocol::LEASE_HEADER, "granted; 000102030405060708090a0b0c0d0e0f");
    first.tier_said(question.token, 0);
    assert_eq!(host.resumed(), 1, "it is sent on");
    answer(&host, &mut first, "200", ANSWER);
    assert_eq!(host.calls(), 1, "nothing is written in the name of a request");
    wake(&host, &root);
    let written = host.last_call().unwrap();
    assert_eq!(
        (written.header(":method"), written.header(protocol::LEASE_HEADER)),
        ("PUT", "000102030405060708090a0b0c0d0e0f")
    );
    let key = written.path.clone();
    assert_eq!(question.path.split('?').next(), Some(key.as_str()));

    // Another Envoy, with nothing in its memory.
    let other = Fake::new();
    other.add_cluster("cache-tier");
    let root = configured(&other, configuration);
    let (mut stream, _) = ask(&other, &root, 2, CHAT, &[]);
    other.answer_call(Some(200), &written.body);
    other.put_callout_header(protocol::TIER_HEADER, "redis");
    stream.tier_said(other.last_call().unwrap().token, written.body.len());
    assert_eq!(other.last_reply().unwrap().body, ANSWER);
    assert_eq!(decision(&other), "result=hit tier=redis");
}

#[test]
fn an_entry_of_another_key_or_a_damaged_one_is_a_miss() {
    for damage in [0, 20] {
        let host = Fake::new();
        host.add_cluster("cache-tier");
        let root = configured(&host, r#"{"tier": {"lease_ms": 0}}"#);
        let (mut stream, _) = ask(&host, &root, 2, CHAT, &[]);
        let entry = spillway_contract::cache::entry::Entry {
            key: [7; 32],
            status: 200,
            fresh_ms: 1_000_000,
            body: b"somebody else's".to_vec(),
            ..Default::default()
        };
        let mut bytes = entry.encode().unwrap();
        bytes[damage] ^= u8::from(damage > 0);
        host.answer_call(Some(200), &bytes);
        stream.tier_said(host.last_call().unwrap().token, bytes.len());
        assert_eq!((host.replies(), host.resumed()), (0, 1));
        assert_eq!(counted(&host, "tier_damaged_total"), 1);
    }
}

#[test]
fn a_dead_tier_is_left_alone_after_three_failures() {
    let host = Fake::new();
    host.add_cluster("cache-tier");
    let root = configured(&host, r#"{"tier": {"lease_ms": 0}}"#);
    for number in 0..10_u32 {
        let body = format!(r#"{{"model":"m","temperature":0,"prompt":"{number}"}}"#);
        let (mut stream, action) = ask(&host, &root, 2 + number, body.as_bytes(), &[]);
        if action == Action::Pause {
            host.answer_call(None, b"");
            stream.tier_said(host.last_call().unwrap().token, 0);
        }
        stream.done();
    }
    assert_eq!((host.calls(), counted(&host, "tier_failures_total")), (3, 3));
}

#[test]
fn a_stale_entry_is_given_instead_of_an_error() {
    let host = Fake::new();
    let root = configured(&host, r#"{"rules": [{"ttl_ms": 1000, "stale_if_error_ms": 60000}]}"#);
    let (mut first, _) = ask(&host, &root, 2, CHAT, &[]);
    answer(&host, &mut first, "200", ANSWER);
    host.set_now(at(2_000));
    let (mut second, action) = ask(&host, &root, 3, CHAT, &[]);
    assert_eq!(action, Action::Continue);
    assert_eq!(answer(&host, &mut second, "503", b"{}"), Action::Pause);
    assert_eq!(host.last_reply().unwrap().body, ANSWER);
    assert_eq!(decision(&host), "result=stale_if_error tier=memory");
}

#[test]
fn nothing_of_a_prompt_or_credential_is_in_what_is_left_for_logs() {
    let host = Fake::new();
    let root = configured(&host, r#"{"debug_key": true}"#);
    let body = br#"{"model":"m","temperature":0,"messages":[{"role":"user","content":"MARKER"}]}"#;
    for id in [2, 3] {
        let (mut stream, _) = ask(&host, &root, id, body, &[("authorization", "Bearer MARKER")]);
        answer(&host, &mut stream, "200", br#"{"content":"MARKER"}"#);
        assert!(!decision(&host).contains("MARKER"));
        let status = host.header(Headers::Response, "cache-status").unwrap().unwrap_or_default();
        assert!(!String::from_utf8(status).unwrap().contains("MARKER"));
    }
    assert!(host.metric_names().iter().all(|name| !name.contains("MARKER")));
}

#[test]
fn who_wants_only_an_entry_takes_no_lease_and_goes_nowhere() {
    let host = Fake::new();
    host.add_cluster("cache-tier");
    let root = configured(&host, r#"{"tier": {}}"#);
    let only = [("cache-control", "only-if-cached")];
    let (mut stream, action) = ask(&host, &root, 2, CHAT, &only);
    assert_eq!(action, Action::Pause);
    let question = host.last_call().unwrap();
    assert!(!question.path.contains("lease"), "{}", question.path);
    host.answer_call(Some(404), b"");
    stream.tier_said(question.token, 0);
    assert_eq!((host.last_reply().unwrap().status, host.resumed()), (504, 0));
    let drawn = br#"{"model":"m","temperature":1,"messages":[]}"#;
    assert_eq!(ask(&host, &root, 3, drawn, &only).1, Action::Pause, "one that is never cached");
    assert_eq!((host.replies(), host.last_reply().unwrap().status), (2, 504));
}

#[test]
fn observed_an_error_stays_an_error() {
    let host = Fake::new();
    let root = configured(&host, r#"{"rules": [{"mode": "observe", "ttl_ms": 1000}]}"#);
    let (mut first, _) = ask(&host, &root, 2, CHAT, &[]);
    answer(&host, &mut first, "200", ANSWER);
    host.set_now(at(2_000));
    let (mut second, action) = ask(&host, &root, 3, CHAT, &[]);
    assert_eq!(action, Action::Continue);
    assert_eq!(answer(&host, &mut second, "503", b"{}"), Action::Continue);
    assert_eq!(host.replies(), 0);
}

#[test]
fn a_stale_entry_serves_a_busy_service_as_long_as_the_rule_says() {
    for (stale_when_busy_ms, expected) in [(0, Action::Continue), (60_000, Action::Pause)] {
        let host = Fake::new();
        let rule = format!(r#"{{"ttl_ms": 1000, "stale_when_busy_ms": {stale_when_busy_ms}}}"#);
        let root = configured(&host, &format!(r#"{{"pool": "p", "rules": [{rule}]}}"#));
        let (mut first, _) = ask(&host, &root, 2, CHAT, &[]);
        answer(&host, &mut first, "200", ANSWER);
        host.set_now(at(2_000));
        let level = spillway_host::Gauge::define(&*host, "spillway.pool.p.overload_permille").unwrap();
        level.set(&*host, 900);
        assert_eq!(ask(&host, &root, 3, CHAT, &[]).1, expected, "{stale_when_busy_ms}");
    }
}

#[test]
fn what_an_api_lets_a_client_choose_by_header_is_part_of_the_key() {
    let host = Fake::new();
    let root = configured(&host, "{}");
    let (mut first, _) = ask(&host, &root, 2, CHAT, &[("anthropic-version", "1")]);
    answer(&host, &mut first, "200", ANSWER);
    assert_eq!(ask(&host, &root, 3, CHAT, &[("anthropic-version", "2")]).1, Action::Continue);
    assert_eq!(ask(&host, &root, 4, CHAT, &[("anthropic-version", "1")]).1, Action::Pause);
}

#[test]
fn a_get_is_kept_where_a_rule_says_so_but_not_with_a_body() {
    let host = Fake::new();
    let root = configured(&host, r#"{"rules": [{"models": ["m"], "mode": "off"}, {"get": true}]}"#);
    let get = |id, has_body: bool| {
        host.clear_headers(Headers::Request);
        host.clear_headers(Headers::Response);
        for (name, value) in [(":method", "GET"), (":path", "/v1/models"), (":authority", "api")] {
            host.set_header(Headers::Request, name, value).unwrap();
        }
        let mut stream = root.stream(id);
        let action = stream.headers(!has_body);
        (stream, action)
    };
    let (mut first, action) = get(2, false);
    assert_eq!(action, Action::Continue);
    host.set_header(Headers::Response, "etag", "\"1\"").unwrap();
    answer(&host, &mut first, "200", ANSWER);
    assert_eq!(get(3, false).1, Action::Pause);
    assert_eq!(get(4, true).1, Action::Continue);
    assert_eq!(decision(&host), "result=bypass reason=method");
}

#[test]
fn an_answer_that_is_stale_when_it_comes_is_not_waited_for_again() {
    let host = Fake::new();
    let root = configured(&host, "{}");
    let (mut leader, _) = ask(&host, &root, 2, CHAT, &[]);
    let (_follower, action) = ask(&host, &root, 3, CHAT, &[]);
    assert_eq!(action, Action::Pause);
    host.clear_headers(Headers::Response);
    host.set_header(Headers::Response, "cache-control", "max-age=0").unwrap();
    answer(&host, &mut leader, "200", ANSWER);
    wake(&host, &root);
    assert_eq!((host.resumed(), host.replies()), (1, 0), "it goes on by itself");
    assert_eq!(ask(&host, &root, 4, CHAT, &[]).1, Action::Continue);
    assert_eq!(ask(&host, &root, 5, CHAT, &[]).1, Action::Continue, "and so do all for a while");
}
