//! The load report that goes with every answer.

use super::app::App;
use crate::metrics::{Metrics, Outcome};
use crate::process::{Cpu, memory_share};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use spillway_contract::headers;
use spillway_contract::load_report::LoadReport;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often rates and shares are measured.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What cannot be known at one moment: rates and shares over the last second.
#[derive(Debug, Default)]
pub struct Utilization(Mutex<LoadReport>);

impl Utilization {
    fn get(&self) -> LoadReport {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, sample: LoadReport) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sample;
    }
}

/// Adds the header to an answer.
pub(super) async fn add(State(app): State<Arc<App>>, mut response: Response) -> Response {
    let text = report(&app).to_string();
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(HeaderName::from_static(headers::LOAD_REPORT), value);
    }
    response
}

fn report(app: &App) -> LoadReport {
    let (load, gpu) = (app.models.load(), app.metrics.gpu.get());
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    let in_flight = count(load.running + load.waiting);
    LoadReport {
        application_utilization: (load.slots > 0).then(|| in_flight / count(load.slots)),
        slots: Some(count(load.slots)),
        running: Some(count(load.running)),
        waiting: Some(count(load.waiting)),
        free_slots: Some(count(load.slots.saturating_sub(load.running))),
        kv_cache_utilization: load.kv_cache_utilization,
        gpu_utilization: load.gpu_utilization.or(gpu.map(|gpu| gpu.utilization)),
        gpu_memory_utilization: gpu.map(|gpu| gpu.memory_utilization()),
        ..app.utilization.get()
    }
}

/// Measures for ever.
pub async fn sample_utilization(metrics: Arc<Metrics>, utilization: Arc<Utilization>) {
    let mut cpu = Cpu::default();
    let mut last = Totals::of(&metrics, Instant::now());
    loop {
        tokio::time::sleep(SAMPLE_EVERY).await;
        let totals = Totals::of(&metrics, Instant::now());
        let [requests_per_s, errors_per_s, output_tokens_per_s] = totals.rates_since(&last);
        last = totals;
        utilization.set(LoadReport {
            cpu_utilization: cpu.share(Instant::now()),
            mem_utilization: memory_share(),
            rps_fractional: Some(requests_per_s),
            eps: Some(errors_per_s),
            output_tokens_per_s: Some(output_tokens_per_s),
            ..LoadReport::default()
        });
    }
}

struct Totals {
    at: Instant,
    requests: u64,
    errors: u64,
    output_tokens: u64,
}

impl Totals {
    fn of(metrics: &Metrics, at: Instant) -> Self {
        let sum = |which: fn(Outcome) -> bool| {
            Outcome::ALL
                .into_iter()
                .filter(|outcome| which(*outcome))
                .map(|outcome| metrics.requests(outcome))
                .sum()
        };
        let output_tokens = metrics.text.output_tokens.get();
        Self { at, requests: sum(|_| true), errors: sum(Outcome::is_error), output_tokens }
    }

    /// Requests, errors and output tokens per second.
    fn rates_since(&self, before: &Self) -> [f64; 3] {
        let seconds = self.at.saturating_duration_since(before.at).as_secs_f64().max(f64::EPSILON);
        let rate =
            |now: u64, then: u64| u32::try_from(now.saturating_sub(then)).map_or(0.0, f64::from) / seconds;
        [
            rate(self.requests, before.requests),
            rate(self.errors, before.errors),
            rate(self.output_tokens, before.output_tokens),
        ]
    }
}
