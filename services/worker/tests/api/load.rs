//! The load report and the metrics.

use crate::harness::{MODEL, Worker, chat, get, put};
use serde_json::json;
use spillway_contract::headers;
use spillway_contract::load_report::LoadReport;
use spillway_fixtures::{Reply, eventually};
use spillway_worker::metrics::{GpuSample, Outcome};
use std::time::Duration;

fn report(reply: &Reply) -> LoadReport {
    LoadReport::parse(reply.header(headers::LOAD_REPORT).unwrap().as_bytes()).unwrap()
}

#[test]
fn the_report_follows_the_load() {
    let mut worker = Worker::slow();
    worker.engine.slots = 2;
    let worker = worker.start();
    let clients: Vec<_> = (0..3).map(|_| chat(worker.address, json!({"max_tokens": 1000}))).collect();
    worker.wait_for_load(2, 1);
    let busy = report(&get(worker.address, "/health"));
    let counts = |report: LoadReport| (report.slots, report.running, report.waiting, report.free_slots);
    assert_eq!(counts(busy), (Some(2.0), Some(2.0), Some(1.0), Some(0.0)));
    assert_eq!(busy.application_utilization, Some(1.5));
    drop(clients);
    worker.wait_for_load(0, 0);
    let idle = report(&get(worker.address, "/no-such-path"));
    assert_eq!(counts(idle), (Some(2.0), Some(0.0), Some(0.0), Some(2.0)));
    assert_eq!(idle.application_utilization, Some(0.0));
}

#[test]
fn gpu_utilization_is_reported_where_it_is_said_what_it_is() {
    let mut worker = Worker::default();
    worker.engine.behaviour.gpu_utilization = Some(0.97);
    let worker = worker.start();
    let gpu = || report(&get(worker.address, "/health")).gpu_utilization;
    assert_eq!(gpu(), Some(0.97));
    put(worker.address, "/simulated/behaviour", &json!({"gpu_utilization": 0.5}));
    assert_eq!(gpu(), Some(0.5));
    let reply = put(worker.address, "/simulated/behaviour", &json!({"gpu_utilization": 97}));
    assert_eq!((reply.status, reply.json()["error"]["param"].as_str()), (400, Some("gpu_utilization")));
    assert_eq!(report(&get(Worker::default().start().address, "/health")).gpu_utilization, None);
}

#[test]
fn what_the_gpu_says_is_in_the_report_and_in_the_metrics() {
    let worker = Worker::default().start();
    let health = || report(&get(worker.address, "/health"));
    assert_eq!((health().gpu_utilization, health().gpu_memory_utilization), (None, None));
    assert!(!get(worker.address, "/metrics").text().contains("spillway_worker_gpu"));
    let gib = |gib: u64| gib << 30;
    let sample = GpuSample { utilization: 0.75, memory_used_bytes: gib(20), memory_bytes: gib(80) };
    worker.app.metrics.gpu.set(Some(sample));
    assert_eq!((health().gpu_utilization, health().gpu_memory_utilization), (Some(0.75), Some(0.25)));
    for (name, value) in
        [("utilization", 0.75), ("memory_used_bytes", 21_474_836_480.0), ("memory_bytes", 85_899_345_920.0)]
    {
        assert_eq!(worker.metric(&format!("spillway_worker_gpu_{name}")), value, "{name}");
    }
}

#[test]
fn a_stream_reports_itself() {
    let worker = Worker::slow().start();
    let reply = chat(worker.address, json!({"stream": true, "max_tokens": 3})).reply();
    assert_eq!(report(&reply).running, Some(1.0));
}

#[test]
fn rates_and_shares_come_after_a_second() {
    let worker = Worker::default().start();
    let last = || report(&get(worker.address, "/health"));
    eventually("requests per second are known", || last().rps_fractional.is_some());
    eventually("requests are seen", || {
        chat(worker.address, json!({})).reply();
        last().rps_fractional.is_some_and(|rate| rate > 0.0)
            && last().output_tokens_per_s.is_some_and(|rate| rate > 0.0)
    });
    assert_eq!(last().eps, Some(0.0));
    if cfg!(target_os = "linux") {
        assert!(last().cpu_utilization.is_some() && last().mem_utilization.is_some_and(|share| share > 0.0));
    }
}

#[test]
fn every_request_is_counted_once() {
    let worker = Worker::default().start();
    chat(worker.address, json!({"max_tokens": 4})).reply();
    chat(worker.address, json!({"max_tokens": 4, "stream": true})).reply();
    chat(worker.address, json!({"n": 5})).reply();
    get(worker.address, "/v1/models");
    eventually("the last answer is counted", || worker.requests(Outcome::Completed) == 2);
    let total = |outcome: Outcome| {
        worker.metric(&format!("spillway_worker_requests_total{{outcome=\"{}\"}}", outcome.as_str()))
    };
    let counts: Vec<_> = Outcome::ALL.into_iter().map(total).collect();
    assert_eq!(counts, [2.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(worker.metric("spillway_worker_prompt_tokens_total"), 12.0);
    assert_eq!(worker.metric("spillway_worker_output_tokens_total"), 8.0);
    assert_eq!(worker.metric("spillway_worker_time_to_first_token_seconds_count"), 2.0);
    assert_eq!(worker.metric("spillway_worker_request_duration_seconds_count"), 2.0);
    assert_eq!(worker.metric("spillway_worker_slots"), 8.0);
    assert_eq!(worker.metric("spillway_worker_requests_in_flight"), 0.0);
}

#[test]
fn the_integral_grows_with_requests_and_time() {
    let worker = Worker::slow().start();
    let integral = || worker.metric("spillway_worker_requests_in_flight_seconds_total");
    assert_eq!(integral(), 0.0);
    let clients: Vec<_> = (0..3).map(|_| chat(worker.address, json!({"max_tokens": 1000}))).collect();
    worker.wait_for_load(3, 0);
    let (start, before) = (std::time::Instant::now(), integral());
    std::thread::sleep(Duration::from_millis(200));
    let (after, seconds) = (integral(), start.elapsed().as_secs_f64());
    assert!(after - before >= 0.6, "three requests for 0.2 s: {before} to {after}");
    assert!(after - before <= 3.0 * seconds + 0.1, "{before} to {after} in {seconds} s");
    assert_eq!(worker.metric("spillway_worker_requests_in_flight"), 3.0);
    assert_eq!(worker.metric("spillway_worker_slots_busy"), 3.0);
    let vllm = |name: &str| worker.metric(&format!("vllm:{name}{{model_name=\"{MODEL}\"}}"));
    assert_eq!(vllm("num_requests_running"), 3.0);
    assert_eq!(vllm("num_requests_waiting"), 0.0);
    assert_eq!(vllm("prompt_tokens_total"), worker.metric("spillway_worker_prompt_tokens_total"));
    drop(clients);
}
