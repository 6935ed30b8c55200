use std::rc::Rc;

use spillway_host::{Buffer, Headers, Host, fake::Fake, paths};
use spillway_primitives::Timestamp;

use crate::Root;
use crate::attempt::Stream;

fn at_millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn begun(configuration: &str) -> (Rc<Fake>, Stream) {
    begun_at("/", configuration)
}

fn begun_at(path: &str, configuration: &str) -> (Rc<Fake>, Stream) {
    let host = Fake::new();
    host.set_header(Headers::Request, ":path", path).unwrap();
    host.set_now(at_millis(0));
    host.set_configuration(configuration);
    let mut root = Root::new(Rc::clone(&host) as Rc<dyn Host>);
    assert!(root.configure(configuration.len()));
    host.put_property(paths::CLUSTER_NAME, b"inference");
    host.put_property(paths::UPSTREAM_ADDRESS, b"10.0.0.1:80");
    let mut stream = root.stream();
    assert!(stream.request());
    (host, stream)
}

fn gauge(host: &Fake, noun: &str) -> u64 {
    host.metric_named(&format!("spillway.pool.inference.endpoint.10_0_0_1_80.{noun}")).unwrap_or(0)
}

fn outcomes(host: &Fake) -> [u64; 5] {
    ["success", "failure", "busy", "unknown", "unanswered"].map(|outcome| {
        host.metric_named(&format!("spillway.circuit_breaker.attempts_{outcome}_total")).unwrap()
    })
}

fn answer(host: &Fake, stream: &mut Stream, status: &str, content_type: &str, end_of_stream: bool) {
    host.set_header(Headers::Response, ":status", status).unwrap();
    host.set_header(Headers::Response, "content-type", content_type).unwrap();
    stream.response_headers(end_of_stream);
}

fn body(host: &Fake, stream: &mut Stream, bytes: &[u8], end_of_stream: bool) {
    host.put_buffer(Buffer::ResponseBody, bytes);
    stream.response_body(bytes.len(), end_of_stream);
}

#[test]
fn a_stream_is_timed_to_its_first_event_and_not_to_its_headers() {
    let (host, mut stream) = begun("{}");
    assert_eq!(gauge(&host, "in_flight"), 1);
    answer(&host, &mut stream, "200", "text/event-stream; charset=utf-8", false);
    host.set_now(at_millis(40));
    body(&host, &mut stream, b": ping\n\nda", false);
    assert_eq!(gauge(&host, "ttft_ewma_us"), 0);
    host.set_now(at_millis(70));
    body(&host, &mut stream, b"ta: {}\n\n", false);
    host.set_now(at_millis(500));
    body(&host, &mut stream, b"data: [DONE]\n\n", true);
    stream.done();
    assert_eq!((gauge(&host, "ttft_ewma_us"), gauge(&host, "in_flight")), (70_000, 0));
    assert_eq!(outcomes(&host), [1, 0, 0, 0, 0]);
}

#[test]
fn what_is_no_stream_is_looked_at_once() {
    let (host, mut stream) = begun("{}");
    answer(&host, &mut stream, "200", "application/json", false);
    body(&host, &mut stream, b"{\"text\": \"", false);
    host.put_buffer(Buffer::ResponseBody, b"data: not an event\n\n");
    host.take_calls();
    stream.response_body(20, false);
    assert_eq!((host.take_calls(), gauge(&host, "ttft_ewma_us")), (0, 0));
    for beginning in [
        &b"data: {}\n\n"[..],
        b"event: message\ndata: 1\n\n",
        b": ping\n\ndata: 1\n\n",
        b"\xef\xbb\xbfdata: 1\n\n",
    ] {
        let (host, mut stream) = begun("{}");
        answer(&host, &mut stream, "200", "text/event-stream", false);
        host.set_now(at_millis(7));
        body(&host, &mut stream, beginning, false);
        assert_eq!(gauge(&host, "ttft_ewma_us"), 7_000, "{beginning:?}");
    }
}

#[test]
fn an_answer_that_is_not_streamed_is_left_out_of_the_mean() {
    let (host, mut stream) = begun("{}");
    answer(&host, &mut stream, "200", "application/json", false);
    body(&host, &mut stream, b"{\"data\": 1}", true);
    stream.done();
    assert_eq!(gauge(&host, "ttft_ewma_us"), 0);
    assert_eq!(outcomes(&host), [1, 0, 0, 0, 0]);
}

#[test]
fn failures_count_as_slow_and_refusals_are_answers() {
    let (host, mut stream) = begun(r#"{"failure_counts_as_ms": 5000}"#);
    answer(&host, &mut stream, "503", "application/json", true);
    stream.done();
    assert_eq!(outcomes(&host), [0, 1, 0, 0, 0]);
    assert_eq!((gauge(&host, "ttft_ewma_us"), gauge(&host, "failure_permille")), (5_000_000, 300));
    let (host, mut stream) = begun("{}");
    answer(&host, &mut stream, "429", "application/json", true);
    stream.done();
    assert_eq!(outcomes(&host), [1, 0, 0, 0, 0]);
}

#[test]
fn a_connection_that_fails_or_is_reset_is_the_endpoints_fault() {
    let (host, mut stream) = begun("{}");
    stream.done();
    assert_eq!(outcomes(&host), [0, 1, 0, 0, 0]);
    let (host, mut stream) = begun("{}");
    answer(&host, &mut stream, "200", "text/event-stream", false);
    stream.done();
    assert_eq!(outcomes(&host), [0, 1, 0, 0, 0]);
}

#[test]
fn a_client_that_leaves_is_nobodys_fault_but_a_long_silence_is_remembered() {
    const DOWNSTREAM_CONNECTION_TERMINATION: u64 = 1 << 14;
    let (host, mut stream) = begun("{}");
    host.put_property(paths::RESPONSE_FLAGS, &DOWNSTREAM_CONNECTION_TERMINATION.to_le_bytes());
    answer(&host, &mut stream, "200", "text/event-stream", false);
    stream.done();
    assert_eq!(outcomes(&host), [0, 0, 0, 1, 0]);
    assert_eq!((gauge(&host, "ttft_ewma_us"), gauge(&host, "failure_permille")), (0, 0));
    let (host, mut stream) = begun("{}");
    host.put_property(paths::RESPONSE_FLAGS, &DOWNSTREAM_CONNECTION_TERMINATION.to_le_bytes());
    host.set_now(at_millis(30_000));
    stream.done();
    assert_eq!(outcomes(&host), [0, 0, 0, 0, 1]);
    assert_eq!((gauge(&host, "ttft_ewma_us"), gauge(&host, "failure_permille")), (30_000_000, 0));
}

#[test]
fn a_configured_pool_is_not_read_from_envoy() {
    let (host, mut stream) = begun(r#"{"pool": "inference"}"#);
    assert_eq!(gauge(&host, "in_flight"), 1);
    host.set_header(Headers::Response, ":status", "200").unwrap();
    host.take_calls();
    stream.response_headers(false);
    stream.response_body(2, true);
    stream.done();
    let calls = "status, now, report; outcome, now, in flight, share, successes, failures";
    assert_eq!(host.take_calls(), 9, "{calls}");
}

#[test]
fn off_is_not_booked_and_hidden_gauges_stand_aside() {
    let (host, mut stream) = begun(r#"{"rules": [{"mode": "off"}]}"#);
    assert_eq!(gauge(&host, "in_flight"), 0);
    stream.done();
    assert_eq!(outcomes(&host), [0, 0, 0, 0, 0]);
    let host = Fake::new();
    host.hide_metrics();
    let mut root = Root::new(Rc::clone(&host) as Rc<dyn Host>);
    assert!(root.configure(0));
    let mut stream = root.stream();
    stream.request();
    stream.done();
}

/// Attempts one after another, each of which ends as `end` makes it.
fn attempts(host: &Rc<Fake>, root: &Root, count: usize, end: impl Fn(&mut Stream)) {
    for _ in 0..count {
        let mut stream = root.stream();
        assert!(stream.request(), "refused: {:?}", host.last_reply());
        end(&mut stream);
        stream.done();
    }
}

fn configured(configuration: &str) -> (Rc<Fake>, Root) {
    let host = Fake::new();
    host.set_now(at_millis(0));
    host.set_configuration(configuration);
    let mut root = Root::new(Rc::clone(&host) as Rc<dyn Host>);
    assert!(root.configure(configuration.len()));
    host.put_property(paths::CLUSTER_NAME, b"inference");
    // A second endpoint, so that one may be isolated.
    for address in [&b"10.0.0.2:80"[..], b"10.0.0.1:80"] {
        host.put_property(paths::UPSTREAM_ADDRESS, address);
        attempts(&host, &root, 1, |stream| answer(&host, stream, "200", "application/json", true));
    }
    (host, root)
}

#[test]
fn alone_it_refuses_what_goes_to_an_open_endpoint_and_probes_when_the_time_has_come() {
    let (host, root) = configured("{}");
    attempts(&host, &root, 3, |stream| answer(&host, stream, "503", "application/json", true));
    assert_eq!(gauge(&host, "circuit"), 2);
    assert!(!root.stream().request());
    let reply = host.last_reply().unwrap();
    assert_eq!(reply.status, 503);
    assert!(reply.headers.iter().any(|(name, _)| name == "retry-after"), "{reply:?}");
    host.set_now(at_millis(40_000));
    let mut probe = root.stream();
    assert!(probe.request(), "the probe");
    assert!(!root.stream().request(), "one at a time");
    answer(&host, &mut probe, "200", "application/json", true);
    probe.done();
    assert_eq!(gauge(&host, "circuit"), 0);
    attempts(&host, &root, 5, |stream| answer(&host, stream, "200", "application/json", true));
    assert_eq!(host.metric_named("spillway.circuit_breaker.refused_total"), Some(2));
}

#[test]
fn what_the_picker_named_before_it_opened_is_still_sent() {
    let (host, root) = configured("{}");
    attempts(&host, &root, 3, |stream| answer(&host, stream, "503", "application/json", true));
    host.set_header(Headers::Request, "x-gateway-destination-endpoint", "10.0.0.2:80, 10.0.0.1:80").unwrap();
    assert!(root.stream().request(), "refusing would be final, sending may be retried");
    host.set_header(Headers::Request, "x-gateway-destination-endpoint", "10.0.0.2:80").unwrap();
    assert!(!root.stream().request());
}

#[test]
fn an_endpoint_that_asks_for_time_is_left_alone_and_not_called_broken() {
    for (status, header, value, wait) in [
        ("429", "retry-after", "7", 7_000),
        ("503", "retry-after", "7", 7_000),
        ("503", "x-envoy-immediate-health-check-fail", "true", 2_000),
    ] {
        let (host, root) = configured("{}");
        attempts(&host, &root, 1, |stream| {
            host.set_header(Headers::Response, header, value).unwrap();
            answer(&host, stream, status, "application/json", true);
        });
        host.remove_header(Headers::Response, header).unwrap();
        assert_eq!((gauge(&host, "circuit"), gauge(&host, "failure_permille")), (2, 0), "{status}");
        assert!(!root.stream().request());
        host.set_now(at_millis(wait));
        attempts(&host, &root, 5, |stream| answer(&host, stream, "200", "application/json", true));
        assert_eq!(gauge(&host, "circuit"), 0, "{status}");
    }
}

#[test]
fn a_503_that_asks_for_no_time_is_a_failure() {
    for value in ["0", "soon"] {
        let (host, mut stream) = begun("{}");
        host.set_header(Headers::Response, "retry-after", value).unwrap();
        answer(&host, &mut stream, "503", "application/json", true);
        stream.done();
        assert_eq!(outcomes(&host), [0, 1, 0, 0, 0], "{value}");
    }
}

#[test]
fn a_stream_without_its_end_is_a_failure_where_the_end_is_known() {
    for (path, expected) in
        [("/v1/chat/completions", [0, 1]), ("/v1/messages", [0, 1]), ("/v1/other", [1, 0])]
    {
        let (host, mut stream) = begun_at(path, "{}");
        answer(&host, &mut stream, "200", "text/event-stream", false);
        body(&host, &mut stream, b"data: {}\n\n", false);
        body(&host, &mut stream, b"data: {}\n\n", true);
        stream.done();
        assert_eq!(outcomes(&host)[..2], expected, "{path}");
    }
}

#[test]
fn a_stream_that_said_that_it_is_over_is_whole_even_if_its_connection_breaks() {
    let (host, mut stream) = begun_at("/v1/chat/completions", "{}");
    answer(&host, &mut stream, "200", "text/event-stream", false);
    body(&host, &mut stream, b"data: {}\n\ndata: [DO", false);
    body(&host, &mut stream, b"NE]\n\n", false);
    stream.done();
    assert_eq!(outcomes(&host), [1, 0, 0, 0, 0]);
}

#[test]
fn an_endpoint_that_never_answers_is_out_within_its_limit() {
    let (host, root) = configured(r#"{"first_token_timeout_ms": 5000, "assumed_output_tokens": 10}"#);
    let mut stalled: Vec<_> = (0..3).map(|_| root.stream()).collect();
    assert!(stalled.iter_mut().all(Stream::request));
    host.set_now(at_millis(5_999));
    root.tick();
    assert_eq!(gauge(&host, "circuit"), 0);
    host.set_now(at_millis(6_000));
    root.tick();
    assert_eq!((gauge(&host, "circuit"), gauge(&host, "in_flight")), (2, 3));
    assert_eq!(host.metric_named("spillway.circuit_breaker.late_first_tokens_total"), Some(3));
    stalled.iter_mut().for_each(Stream::done);
    assert_eq!(gauge(&host, "in_flight"), 0);
    assert_eq!(host.metric_named("spillway.circuit_breaker.trips_consecutive_failures_total"), Some(1));
}

#[test]
fn a_load_report_says_what_is_not_ours() {
    let (host, root) = configured("{}");
    host.set_now(at_millis(1_000));
    let report = "TEXT named_metrics.running=5,named_metrics.waiting=2,named_metrics.slots=8,\
                  named_metrics.kv_cache_utilization=0.25,named_metrics.gpu_utilization=0";
    host.set_header(Headers::Response, "endpoint-load-metrics", report).unwrap();
    attempts(&host, &root, 1, |stream| answer(&host, stream, "200", "application/json", true));
    let reported = ["elsewhere", "slots", "kv_cache_permille", "gpu_permille"]
        .map(|noun| gauge(&host, &format!("reported_{noun}")));
    assert_eq!(reported, [6, 8, 250, 1]);
    host.set_header(Headers::Response, "endpoint-load-metrics", "TEXT named_metrics.slots=99").unwrap();
    attempts(&host, &root, 1, |stream| answer(&host, stream, "200", "application/json", true));
    assert_eq!(gauge(&host, "reported_slots"), 8, "not more than ten times a second");
}

#[test]
fn observed_it_refuses_nobody_and_says_what_it_would_do() {
    let (host, root) = configured(r#"{"rules": [{"mode": "observe"}]}"#);
    attempts(&host, &root, 5, |stream| answer(&host, stream, "503", "application/json", true));
    assert_eq!(gauge(&host, "circuit"), 0);
    let counter = |noun| host.metric_named(&format!("spillway.circuit_breaker.{noun}_total"));
    assert_eq!(
        (counter("trips_observed"), counter("refused_observed"), counter("refused")),
        (Some(1), Some(2), Some(0))
    );
}

#[test]
fn circuits_are_per_model_where_the_model_is_known() {
    let (host, root) = configured(r#"{"request_facts": true}"#);
    let body = |model: &str| {
        host.put_buffer(Buffer::RequestBody, format!(r#"{{"model": "{model}"}}"#).as_bytes());
        spillway_facts::take(&*host, 100, 0).unwrap();
    };
    body("a");
    attempts(&host, &root, 3, |stream| answer(&host, stream, "503", "application/json", true));
    assert_eq!(gauge(&host, "circuit"), 0, "the endpoint as a whole works");
    assert!(!root.stream().request());
    body("b");
    attempts(&host, &root, 1, |stream| answer(&host, stream, "200", "application/json", true));
}
