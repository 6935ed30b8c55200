use std::rc::Rc;

use spillway_host::{Buffer, Headers, Host, fake::Fake, paths};
use spillway_primitives::Timestamp;

use crate::Root;
use crate::attempt::Stream;

fn at_millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn begun(configuration: &str) -> (Rc<Fake>, Stream) {
    let host = Fake::new();
    host.set_now(at_millis(0));
    host.set_configuration(configuration);
    let mut root = Root::new(Rc::clone(&host) as Rc<dyn Host>);
    assert!(root.configure(configuration.len()));
    host.put_property(paths::CLUSTER_NAME, b"inference");
    host.put_property(paths::UPSTREAM_ADDRESS, b"10.0.0.1:80");
    let mut stream = root.stream();
    stream.request();
    (host, stream)
}

fn gauge(host: &Fake, noun: &str) -> u64 {
    host.metric_named(&format!("spillway.pool.inference.endpoint.10_0_0_1_80.{noun}")).unwrap_or(0)
}

fn outcomes(host: &Fake) -> [u64; 4] {
    ["success", "failure", "unknown", "unanswered"].map(|outcome| {
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
    assert_eq!(outcomes(&host), [1, 0, 0, 0]);
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
    assert_eq!(outcomes(&host), [1, 0, 0, 0]);
}

#[test]
fn failures_count_as_slow_and_refusals_are_answers() {
    let (host, mut stream) = begun(r#"{"failure_counts_as_ms": 5000}"#);
    answer(&host, &mut stream, "503", "application/json", true);
    stream.done();
    assert_eq!(outcomes(&host), [0, 1, 0, 0]);
    assert_eq!((gauge(&host, "ttft_ewma_us"), gauge(&host, "failure_permille")), (5_000_000, 300));
    let (host, mut stream) = begun("{}");
    answer(&host, &mut stream, "429", "application/json", true);
    stream.done();
    assert_eq!(outcomes(&host), [1, 0, 0, 0]);
}

#[test]
fn a_connection_that_fails_or_is_reset_is_the_endpoints_fault() {
    let (host, mut stream) = begun("{}");
    stream.done();
    assert_eq!(outcomes(&host), [0, 1, 0, 0]);
    let (host, mut stream) = begun("{}");
    answer(&host, &mut stream, "200", "text/event-stream", false);
    stream.done();
    assert_eq!(outcomes(&host), [0, 1, 0, 0]);
}

#[test]
fn a_client_that_leaves_is_nobodys_fault_but_a_long_silence_is_remembered() {
    const DOWNSTREAM_CONNECTION_TERMINATION: u64 = 1 << 14;
    let (host, mut stream) = begun("{}");
    host.put_property(paths::RESPONSE_FLAGS, &DOWNSTREAM_CONNECTION_TERMINATION.to_le_bytes());
    answer(&host, &mut stream, "200", "text/event-stream", false);
    stream.done();
    assert_eq!(outcomes(&host), [0, 0, 1, 0]);
    assert_eq!((gauge(&host, "ttft_ewma_us"), gauge(&host, "failure_permille")), (0, 0));
    let (host, mut stream) = begun("{}");
    host.put_property(paths::RESPONSE_FLAGS, &DOWNSTREAM_CONNECTION_TERMINATION.to_le_bytes());
    host.set_now(at_millis(30_000));
    stream.done();
    assert_eq!(outcomes(&host), [0, 0, 0, 1]);
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
    assert_eq!(host.take_calls(), 6, "status, outcome, now, in flight, share, failures");
}

#[test]
fn off_is_not_booked_and_hidden_gauges_stand_aside() {
    let (host, mut stream) = begun(r#"{"rules": [{"mode": "off"}]}"#);
    assert_eq!(gauge(&host, "in_flight"), 0);
    stream.done();
    assert_eq!(outcomes(&host), [0, 0, 0, 0]);
    let host = Fake::new();
    host.hide_metrics();
    let mut root = Root::new(Rc::clone(&host) as Rc<dyn Host>);
    assert!(root.configure(0));
    let mut stream = root.stream();
    stream.request();
    stream.done();
}
