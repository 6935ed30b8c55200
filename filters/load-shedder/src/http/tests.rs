use std::rc::Rc;

use proxy_wasm::types::Action;
use spillway_host::{Buffer, Headers, Host, fake::Fake};
use spillway_primitives::Timestamp;

use crate::Root;
use crate::http::Stream;

const CHAT: &[u8] = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}"#;
/// Two tokens, by its length; it says something of an output, as no embedding has it.
const EMBEDDING: &[u8] = br#"{"model":"v","input":["Hello","you"],"max_tokens":5000}"#;
/// One permit, and nobody's level is kept free for anybody.
const ONE: &str = r#"{
    "only_pool": "p", "limit": {"min": 1, "max": 1}, "trust_priority_header": true, "max_wait_ms": 5000,
    "levels": [{"name": "critical", "max_waiting": 2}, {"name": "sheddable", "max_waiting": 1}],
    "default_level": "sheddable"
}"#;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn configured(host: &Rc<Fake>, id: u32, configuration: &str) -> Root {
    host.set_configuration(configuration);
    let mut root = Root::new(Rc::clone(host) as Rc<dyn Host>, id);
    assert!(root.configure(configuration.len()), "refused: {configuration}");
    root
}

fn host() -> Rc<Fake> {
    let host = Fake::new();
    host.set_now(at(0));
    host
}

fn ask(host: &Fake, root: &Root, id: u32, level: &str) -> (Stream, Action) {
    host.clear_headers(Headers::Request);
    host.clear_headers(Headers::Response);
    for (name, value) in [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
        ("x-spillway-priority", level),
    ] {
        host.set_header(Headers::Request, name, value).unwrap();
    }
    let mut stream = root.stream(id);
    assert_eq!(stream.headers(false), Action::Pause);
    host.put_buffer(Buffer::RequestBody, CHAT);
    let action = stream.body(CHAT.len(), true);
    (stream, action)
}

/// A request for vectors.
fn embed(host: &Fake, root: &Root, id: u32) -> (Stream, Action) {
    host.clear_headers(Headers::Request);
    host.clear_headers(Headers::Response);
    for (name, value) in [
        (":method", "POST"),
        (":path", "/v1/embeddings"),
        ("content-type", "application/json"),
        ("authorization", "Bearer one"),
    ] {
        host.set_header(Headers::Request, name, value).unwrap();
    }
    let mut stream = root.stream(id);
    assert_eq!(stream.headers(false), Action::Pause);
    host.put_buffer(Buffer::RequestBody, EMBEDDING);
    let action = stream.body(EMBEDDING.len(), true);
    (stream, action)
}

fn answered(host: &Fake, stream: &mut Stream) {
    host.set_header(Headers::Response, ":status", "200").unwrap();
    stream.response_headers(false);
    host.put_buffer(Buffer::ResponseBody, b"{}");
    stream.response_body(2, true);
    stream.done();
}

fn pool(host: &Fake, noun: &str) -> u64 {
    host.metric_named(&format!("spillway.pool.p.{noun}")).unwrap()
}

#[test]
fn a_permit_that_is_given_back_in_one_vm_serves_who_waits_in_another() {
    let host = host();
    let (one, two) = (configured(&host, 1, ONE), configured(&host, 2, ONE));
    let (mut first, action) = ask(&host, &one, 10, "sheddable");
    assert_eq!((action, pool(&host, "admitted")), (Action::Continue, 1));
    assert_eq!(host.header(Headers::Request, "x-spillway-priority").unwrap().unwrap(), b"sheddable");
    let (mut second, action) = ask(&host, &two, 20, "critical");
    assert_eq!((action, pool(&host, "waiting")), (Action::Pause, 1));
    answered(&host, &mut first);
    assert_eq!((pool(&host, "admitted"), pool(&host, "waiting"), host.resumed()), (0, 0, 0));
    two.mail(two.queue());
    assert_eq!((pool(&host, "admitted"), host.resumed()), (1, 1));
    answered(&host, &mut second);
    assert_eq!(pool(&host, "admitted"), 0);
}

#[test]
fn who_finds_no_place_is_refused_and_who_waits_too_long_as_well() {
    let host = host();
    let mut root = configured(&host, 1, ONE);
    let (mut held, _) = ask(&host, &root, 10, "critical");
    let (_waits, action) = ask(&host, &root, 11, "sheddable");
    assert_eq!((action, host.replies()), (Action::Pause, 0));
    let (_refused, _) = ask(&host, &root, 12, "sheddable");
    let reply = host.last_reply().unwrap();
    assert_eq!((host.replies(), reply.status), (1, 429));
    assert!(String::from_utf8(reply.body).unwrap().contains(r#""code":"queue_full""#));
    host.set_now(at(5_100));
    root.tick();
    assert_eq!((host.replies(), pool(&host, "waiting")), (2, 0));
    assert!(String::from_utf8(host.last_reply().unwrap().body).unwrap().contains(r#""code":"deadline""#));
    // The other promise has been worked off by the tick.
    assert_eq!(pool(&host, "promised_returns"), 1);
    answered(&host, &mut held);
    assert_eq!(pool(&host, "admitted"), 0);
}

#[test]
fn a_client_that_leaves_while_the_mail_is_on_its_way_leaves_the_permit_to_the_next() {
    let host = host();
    let root = configured(&host, 1, ONE);
    let (mut held, _) = ask(&host, &root, 10, "critical");
    let (mut leaves, _) = ask(&host, &root, 11, "critical");
    let (_stays, _) = ask(&host, &root, 12, "critical");
    assert_eq!(pool(&host, "waiting"), 2);
    answered(&host, &mut held);
    leaves.done();
    root.mail(root.queue());
    assert_eq!((pool(&host, "waiting"), pool(&host, "admitted"), host.resumed()), (0, 1, 1));
}

#[test]
fn what_is_no_request_to_an_inference_api_passes() {
    let host = host();
    let root = configured(&host, 1, ONE);
    for (method, path, kind) in [
        ("GET", "/v1/models", "application/json"),
        ("POST", "/v1/nothing", "application/json"),
        ("POST", "/v1/chat/completions", "multipart/form-data; boundary=x"),
    ] {
        host.clear_headers(Headers::Request);
        for (name, value) in [(":method", method), (":path", path), ("content-type", kind)] {
            host.set_header(Headers::Request, name, value).unwrap();
        }
        let mut stream = root.stream(9);
        assert_eq!(stream.headers(false), Action::Continue, "{method} {path} {kind}");
        assert_eq!(stream.body(4, true), Action::Continue);
        stream.done();
    }
    assert_eq!(host.metric_named("spillway.load_shedder.passed_total"), Some(3));
    assert_eq!(pool(&host, "admitted"), 0);
}

#[test]
fn two_configurations_of_the_same_pool_share_it_and_others_do_not() {
    let host = host();
    let other = ONE.replace(r#""only_pool": "p""#, r#""only_pool": "q", "pools": ["q", "p"]"#);
    let (one, two) = (configured(&host, 1, ONE), configured(&host, 2, &other));
    let (mut first, action) = ask(&host, &one, 10, "critical");
    assert_eq!(action, Action::Continue);
    let (mut second, action) = ask(&host, &two, 20, "critical");
    assert_eq!(action, Action::Continue, "another pool");
    assert_eq!((pool(&host, "admitted"), host.metric_named("spillway.pool.q.admitted")), (1, Some(1)));
    answered(&host, &mut first);
    answered(&host, &mut second);
}

#[test]
fn an_embedding_takes_a_permit_and_is_charged_for_its_prompt_alone() {
    let host = host();
    let root = configured(&host, 1, r#"{"only_pool": "p", "budget": {"tokens_per_minute": 100}}"#);
    // Whoever has a whole budget is served, however much is asked for; so it takes a second one to see what was charged.
    let (mut first, _) = embed(&host, &root, 10);
    let (mut second, action) = embed(&host, &root, 11);
    assert_eq!((action, pool(&host, "admitted"), host.replies()), (Action::Continue, 2, 0));
    answered(&host, &mut first);
    answered(&host, &mut second);
    assert_eq!(pool(&host, "admitted"), 0);
}
