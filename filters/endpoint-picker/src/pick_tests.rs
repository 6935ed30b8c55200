use std::rc::Rc;

use proxy_wasm::types::Action;
use spillway_breaker::Fault;
use spillway_contract::headers::{DESTINATION_ENDPOINT, SERVED_BY};
use spillway_host::{Buffer, Headers, Host, Path, fake::Fake, paths};
use spillway_pool::{Outcome, PoolId, Pools, Scope, Settings};
use spillway_primitives::Timestamp;

use crate::Root;

const STATIC: &str =
    r#"{"membership": {"static": {"inference": ["10.0.0.1:80", "10.0.0.2:80"]}}, "debug_header": true}"#;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((1_700_000_000 + seconds) * 1000)
}

fn configured(host: &Rc<Fake>, configuration: &str) -> Root {
    host.set_now(at(0));
    host.set_configuration(configuration);
    let mut root = Root::new(Rc::clone(host) as Rc<dyn Host>);
    assert!(root.configure(configuration.len()), "refused: {configuration}");
    root
}

/// One request from a client that would like to choose its own endpoint; what the router sees.
fn request(host: &Fake, root: &Root) -> Option<String> {
    host.put_property(paths::CLUSTER_NAME, b"inference");
    host.set_header(Headers::Request, DESTINATION_ENDPOINT, "6.6.6.6:1").unwrap();
    let mut stream = root.stream();
    stream.headers(true);
    stream.response();
    stream.done();
    let destinations = host.header(Headers::Request, DESTINATION_ENDPOINT).unwrap();
    destinations.map(|destinations| String::from_utf8(destinations).unwrap())
}

fn decision(host: &Fake) -> String {
    String::from_utf8(host.property(Path("spillway_endpoint_picker")).unwrap().unwrap()).unwrap()
}

fn clusters(addresses: impl Iterator<Item = String>) -> String {
    let hosts: Vec<_> = addresses
        .map(|address| {
            format!(r#"{{"address": {{"socket_address": {{"address": "{address}", "port_value": 80}}}}}}"#)
        })
        .collect();
    format!(r#"{{"cluster_statuses": [{{"name": "inference", "host_statuses": [{}]}}]}}"#, hosts.join(","))
}

/// Lets the admin interface answer the question that is under way.
fn answer(host: &Fake, root: &mut Root, body: &str) {
    host.answer_call(Some(200), body.as_bytes());
    root.answered(host.last_call().unwrap().token, body.len());
}

#[test]
fn a_static_list_is_picked_from_at_once() {
    let host = Fake::new();
    let root = configured(&host, STATIC);
    host.put_property(paths::UPSTREAM_ADDRESS, b"10.0.0.2:80");
    let mut destinations: Vec<_> = request(&host, &root).unwrap().split(',').map(str::to_owned).collect();
    assert!(decision(&host).starts_with(&format!("reason=score endpoint={} candidates=2", destinations[0])));
    destinations.sort();
    assert_eq!(destinations, ["10.0.0.1:80", "10.0.0.2:80"]);
    assert_eq!(host.header(Headers::Response, SERVED_BY).unwrap().as_deref(), Some(&b"10.0.0.2:80"[..]));
}

#[test]
fn a_client_never_chooses_whatever_the_mode() {
    for (mode, line) in [("off", "reason=off"), ("observe", "mode=observe")] {
        let host = Fake::new();
        let configuration = STATIC.replacen('{', &format!(r#"{{"rules": [{{"mode": "{mode}"}}], "#), 1);
        let root = configured(&host, &configuration);
        assert_eq!(request(&host, &root), None, "in mode {mode}");
        assert!(decision(&host).contains(line), "{}", decision(&host));
    }
    let host = Fake::new();
    let root = configured(&host, "{}");
    assert_eq!(request(&host, &root), None, "when nothing is known");
    assert_eq!(decision(&host), "reason=no_endpoints");
    let host = Fake::new();
    host.hide_metrics();
    let root = configured(&host, STATIC);
    assert_eq!(request(&host, &root), None, "when gauges are hidden");
    assert_eq!(decision(&host), "reason=gauges_hidden");
}

#[test]
fn the_membership_comes_from_envoy_and_garbage_keeps_the_last_good_one() {
    let host = Fake::new();
    host.add_cluster("admin");
    let mut root = configured(&host, r#"{"pools": ["inference"]}"#);
    assert_eq!(host.calls(), 0, "on configuration no call-out can be made");
    root.tick();
    assert_eq!(host.last_call().unwrap().path, "/clusters?format=json");
    answer(&host, &mut root, &clusters(["10.0.0.7".to_owned()].into_iter()));
    assert_eq!(request(&host, &root).as_deref(), Some("10.0.0.7:80"));
    host.set_now(at(1));
    root.tick();
    answer(&host, &mut root, "<html>no</html>");
    assert_eq!(request(&host, &root).as_deref(), Some("10.0.0.7:80"));
    assert_eq!(host.metric_named("spillway.endpoint_picker.membership_failures_total"), Some(1));
    host.set_now(at(40));
    root.tick();
    assert_eq!(request(&host, &root), None, "too old to be believed");
}

#[test]
fn one_vm_asks_for_all_and_another_takes_over() {
    let host = Fake::new();
    host.add_cluster("admin");
    let mut first = configured(&host, r#"{"pools": ["inference"]}"#);
    let mut second = configured(&host, r#"{"pools": ["inference"]}"#);
    first.tick();
    second.tick();
    assert_eq!(host.calls(), 1);
    answer(&host, &mut first, &clusters(["10.0.0.7".to_owned()].into_iter()));
    host.set_now(at(1));
    second.tick();
    assert_eq!(request(&host, &second).as_deref(), Some("10.0.0.7:80"), "the other sees it too");
    drop(first);
    host.set_now(at(6));
    second.tick();
    assert_eq!(host.calls(), 2);
}

#[test]
fn a_clock_that_steps_back_does_not_stop_the_reading() {
    let host = Fake::new();
    host.add_cluster("admin");
    let mut root = configured(&host, r#"{"pools": ["inference"]}"#);
    host.set_now(at(5_000));
    root.tick();
    answer(&host, &mut root, &clusters(["10.0.0.7".to_owned()].into_iter()));
    host.set_now(at(10));
    root.tick();
    assert_eq!(host.calls(), 2);
    answer(&host, &mut root, &clusters(["10.0.0.8".to_owned()].into_iter()));
    assert_eq!(request(&host, &root).as_deref(), Some("10.0.0.8:80"));
}

#[test]
fn alone_it_books_what_it_picks_beside_a_booker_it_does_not() {
    let in_flight = |host: &Fake| {
        let read = |place: &str| {
            host.metric_named(&format!("spillway.pool.inference.endpoint.{place}.in_flight")).unwrap_or(0)
        };
        read("10_0_0_1_80") + read("10_0_0_2_80")
    };
    let host = Fake::new();
    let mut root = configured(&host, STATIC);
    host.put_property(paths::CLUSTER_NAME, b"inference");
    let mut stream = root.stream();
    stream.headers(true);
    assert_eq!(in_flight(&host), 1);
    stream.done();
    assert_eq!(in_flight(&host), 0);
    let booker = host
        .define_metric(spillway_host::MetricKind::Gauge, "spillway.pool.inference.attempts_booked_seconds");
    host.record_metric(booker.unwrap(), at(0).as_secs()).unwrap();
    root.tick();
    let mut stream = root.stream();
    stream.headers(true);
    assert_eq!(in_flight(&host), 0);
    stream.done();
}

#[test]
fn calls_to_the_host_do_not_grow_with_the_number_of_endpoints() {
    let used = |endpoints: u32| {
        let host = Fake::new();
        host.add_cluster("admin");
        let mut root = configured(&host, r#"{"pools": ["inference"], "candidates": 4}"#);
        root.tick();
        answer(&host, &mut root, &clusters((0..endpoints).map(|n| format!("10.0.{}.{}", n / 250, n % 250))));
        let booker = host.define_metric(
            spillway_host::MetricKind::Gauge,
            "spillway.pool.inference.attempts_booked_seconds",
        );
        host.record_metric(booker.unwrap(), at(0).as_secs()).unwrap();
        root.tick();
        host.put_property(paths::CLUSTER_NAME, b"inference");
        host.take_calls();
        let mut stream = root.stream();
        stream.headers(true);
        stream.response();
        stream.done();
        host.take_calls()
    };
    assert_eq!(used(4), used(1_000));
    assert_eq!(
        used(1_000),
        14,
        "cluster, now, circuits, two gauges of four candidates, header, counter, decision"
    );
}

/// A circuit-breaker beside the picker, which notes what becomes of attempts at a place.
fn keeper(host: &Rc<Fake>) -> (Pools, PoolId) {
    let circuits = spillway_breaker::Policy { max_isolated_percent: 100, ..Default::default() };
    let settings = Settings { circuits: Some(circuits), ..Settings::default() };
    let mut pools = Pools::new(Rc::clone(host) as Rc<dyn Host>, settings).unwrap();
    let pool = pools.pool("inference").unwrap();
    pools.will_book(pool);
    (pools, pool)
}

fn fails((pools, pool): &mut (Pools, PoolId), address: &str) {
    for _ in 0..3 {
        let place = pools.place(*pool, address, at(0));
        let attempt = pools.begin(*pool, place, (Scope::any(), None), at(0)).unwrap();
        pools.end(attempt, Outcome::Failure(Fault::Connect), at(0));
    }
}

#[test]
fn who_is_isolated_is_left_out_and_probed_when_the_time_has_come() {
    let host = Fake::new();
    let root = configured(&host, STATIC);
    let mut keeper = keeper(&host);
    fails(&mut keeper, "10.0.0.1:80");
    for _ in 0..20 {
        assert_eq!(request(&host, &root).as_deref(), Some("10.0.0.2:80"));
    }
    assert_eq!(host.property(paths::PROBE).unwrap(), None);
    host.set_now(at(40));
    let mut root = root;
    root.tick();
    let mut probe = root.stream();
    assert_eq!(probe.headers(true), Action::Continue);
    assert!(decision(&host).starts_with("reason=probe endpoint=10.0.0.1:80"), "{}", decision(&host));
    assert!(host.property(paths::PROBE).unwrap().is_some());
    for _ in 0..20 {
        assert_eq!(request(&host, &root).as_deref(), Some("10.0.0.2:80"), "one probe at a time");
    }
    probe.done();
    request(&host, &root);
    assert!(decision(&host).starts_with("reason=probe"), "one that was not sent is given back");
}

#[test]
fn when_everybody_is_isolated_the_answer_says_until_when() {
    let host = Fake::new();
    let root = configured(&host, STATIC);
    let mut keeper = keeper(&host);
    fails(&mut keeper, "10.0.0.1:80");
    fails(&mut keeper, "10.0.0.2:80");
    host.put_property(paths::CLUSTER_NAME, b"inference");
    let mut stream = root.stream();
    assert_eq!(stream.headers(true), Action::Pause);
    let reply = host.last_reply().unwrap();
    let seconds =
        reply.headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value.parse::<u64>());
    assert!(matches!(seconds, Some(Ok(30..=33))), "{reply:?}");
    assert_eq!(reply.status, 503);
    assert_eq!(decision(&host), "reason=all_isolated");
}

/// The first of the destinations of many requests with that header, each once.
fn homes(host: &Rc<Fake>, root: &Root, session: &str) -> Vec<String> {
    let homes = (0..20).map(|_| {
        host.set_header(Headers::Request, "x-session", session).unwrap();
        request(host, root).unwrap().split(',').next().unwrap().to_owned()
    });
    let mut homes: Vec<_> = homes.collect();
    homes.dedup();
    homes
}

#[test]
fn a_session_meets_the_same_endpoint() {
    let host = Fake::new();
    let root = configured(&host, &STATIC.replacen('{', r#"{"affinity": {"header": "X-Session"}, "#, 1));
    let sessions: Vec<_> = (0..20).map(|number| homes(&host, &root, &format!("s{number}"))).collect();
    assert!(sessions.iter().all(|homes| homes.len() == 1), "{sessions:?}");
    assert!(sessions.iter().any(|homes| *homes != sessions[0]), "not all sessions at one endpoint");
}

#[test]
fn a_body_is_waited_for_where_its_facts_are_wanted_and_handed_on() {
    let host = Fake::new();
    let root =
        configured(&host, &STATIC.replacen('{', r#"{"request_facts": true, "max_body_bytes": 1024, "#, 1));
    let body = br#"{"model": "m", "prompt": "p", "stream": true}"#;
    host.put_property(paths::CLUSTER_NAME, b"inference");
    let waits = |content_type: &str, end_of_stream| {
        host.set_header(Headers::Request, "content-type", content_type).unwrap();
        let mut stream = root.stream();
        (stream.headers(end_of_stream), stream)
    };
    assert_eq!(waits("multipart/form-data", false).0, Action::Continue);
    assert_eq!(waits("application/json", true).0, Action::Continue);
    let (action, mut long) = waits("application/json", false);
    assert_eq!((action, long.body(1_025, false)), (Action::Pause, Action::Continue), "not for ever");
    assert_eq!(host.property(paths::FACTS).unwrap(), None);
    assert_eq!(host.metric_named("spillway.endpoint_picker.long_bodies_total"), Some(1));
    let (action, mut stream) = waits("Application/JSON; charset=utf-8", false);
    host.put_buffer(Buffer::RequestBody, body);
    assert_eq!((action, stream.body(10, false)), (Action::Pause, Action::Pause));
    assert_eq!(stream.body(body.len(), true), Action::Continue);
    assert_eq!(spillway_facts::known(&*host).unwrap().model.as_deref(), Some("m"));
    assert!(decision(&host).starts_with("reason=score"));
    assert_eq!(waits("application/json", false).0, Action::Continue, "an earlier filter knows already");
}

#[test]
fn two_configurations_of_one_module_do_not_mix() {
    let host = Fake::new();
    let first =
        configured(&host, r#"{"membership": {"static": {"inference": ["10.0.0.1:80"]}}, "attempts": 1}"#);
    let second = configured(&host, r#"{"rules": [{"mode": "off"}]}"#);
    assert_eq!(request(&host, &second), None);
    assert_eq!(request(&host, &first).as_deref(), Some("10.0.0.1:80"));
}

#[test]
fn an_only_pool_is_not_read_from_envoy() {
    let host = Fake::new();
    let configuration = STATIC.replacen('{', r#"{"only_pool": "inference", "#, 1);
    let root = configured(&host, &configuration);
    let mut stream = root.stream();
    stream.headers(true);
    assert!(decision(&host).starts_with("reason=score"), "{}", decision(&host));
    stream.done();
}

#[test]
fn a_bad_configuration_is_refused() {
    let host = Fake::new();
    let text = r#"{"candidates": 99}"#;
    host.set_configuration(text);
    assert!(!Root::new(Rc::clone(&host) as Rc<dyn Host>).configure(text.len()));
}
