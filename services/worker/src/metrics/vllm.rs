//! The same numbers by the names that vLLM gives them, so that dashboards and autoscalers made for it work here.
//!
//! Of its metrics those that have a counterpart here, with its label `model_name`.

use crate::engine::{Engine, TextModel};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use spillway_serving::exposition::count;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Registers them for a model.
pub(super) fn register(registry: &mut Registry, model: &TextModel) {
    let (engine, metrics) = (Arc::clone(&model.engine), &model.engine.metrics().own);
    let label = (Cow::Borrowed("model_name"), Cow::Owned(model.name.clone()));
    let registry = registry.sub_registry_with_label(label);
    registry.register(
        "vllm:prompt_tokens",
        "As spillway_worker_prompt_tokens",
        metrics.prompt_tokens.clone(),
    );
    registry.register(
        "vllm:generation_tokens",
        "As spillway_worker_output_tokens",
        metrics.output_tokens.clone(),
    );
    registry.register(
        "vllm:time_to_first_token_seconds",
        "As spillway_worker_time_to_first_token_seconds",
        metrics.time_to_first_token_s.clone(),
    );
    registry.register(
        "vllm:e2e_request_latency_seconds",
        "As spillway_worker_request_duration_seconds",
        metrics.request_duration_s.clone(),
    );
    registry.register_collector(Box::new(AtScrape { engine }));
}

/// What is asked for when somebody looks.
#[derive(Debug)]
struct AtScrape {
    engine: Arc<dyn Engine>,
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let load = self.engine.load();
        let gauges = [
            ("vllm:num_requests_running", "As spillway_worker_slots_busy.", Some(count(load.running))),
            ("vllm:num_requests_waiting", "As spillway_worker_queue_depth.", Some(count(load.waiting))),
            (
                "vllm:kv_cache_usage_perc",
                "As spillway_worker_kv_cache_utilization.",
                load.kv_cache_utilization,
            ),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, EncodeMetric::metric_type(&gauge))?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
