//! `/metrics`: what the worker shows there.

use super::{Metrics, vllm};
use crate::engine::{Models, Readiness};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use spillway_serving::exposition::{Exposition, count};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// The metrics of the worker and of the engines of its models.
#[must_use]
pub fn exposition(metrics: &Arc<Metrics>, models: &Arc<Models>) -> Exposition {
    let mut all = Registry::default();
    models.text().iter().for_each(|model| vllm::register(&mut all, model));
    let registry = all.sub_registry_with_prefix("spillway_worker");
    registry.register(
        "requests",
        "Generation and embedding requests that ended, by how",
        metrics.requests.clone(),
    );
    registry.register(
        "prompt_tokens",
        "Tokens of the prompts that were taken",
        metrics.text.prompt_tokens.clone(),
    );
    registry.register("output_tokens", "Tokens that were generated", metrics.text.output_tokens.clone());
    registry.register(
        "embedding_tokens",
        "Tokens of the inputs of embedding requests that were taken",
        metrics.embedding_tokens.clone(),
    );
    registry.register_with_unit(
        "time_to_first_token",
        "From taking a request to its first text",
        Unit::Seconds,
        metrics.text.time_to_first_token_s.clone(),
    );
    registry.register_with_unit(
        "request_duration",
        "From taking a generation request to its end",
        Unit::Seconds,
        metrics.text.request_duration_s.clone(),
    );
    metrics.weights.register(registry);
    registry.register_with_unit(
        "embedding_duration",
        "From taking an embedding request to its end",
        Unit::Seconds,
        metrics.embedding_duration_s.clone(),
    );
    let (metrics, models) = (Arc::clone(metrics), Arc::clone(models));
    registry.register_collector(Box::new(AtScrape { metrics, models }));
    Exposition::new(all)
}

/// What is asked for when somebody looks.
#[derive(Debug)]
struct AtScrape {
    metrics: Arc<Metrics>,
    models: Arc<Models>,
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (in_flight, integral_s) = self.metrics.in_flight.read(Instant::now());
        let load = self.models.text_load();
        let ready = self.models.readiness() == Readiness::Ready;
        gauge(&mut encoder, "requests_in_flight", "Requests that run or wait.", f64::from(in_flight))?;
        let help = "Time integral of the requests in flight, exact at the scrape.";
        let counter = ConstCounter::new(integral_s);
        let metric = encoder.encode_descriptor(
            "requests_in_flight",
            help,
            Some(&Unit::Seconds),
            EncodeMetric::metric_type(&counter),
        )?;
        counter.encode(metric)?;
        gauge(&mut encoder, "slots", "Requests that can run at the same time.", count(load.slots))?;
        gauge(&mut encoder, "slots_busy", "Requests that run.", count(load.running))?;
        gauge(&mut encoder, "queue_depth", "Requests that wait for a slot.", count(load.waiting))?;
        gauge(&mut encoder, "ready", "1 when all engines take requests.", f64::from(u8::from(ready)))?;
        if let Some(embedding) = self.models.embedding() {
            let load = embedding.engine.load();
            let help = "Embedding requests that run beside those in slots.";
            gauge(&mut encoder, "embeddings_busy", help, count(load.running))?;
            let help = "Embedding requests that wait beside those in the queue.";
            gauge(&mut encoder, "embeddings_queue_depth", help, count(load.waiting))?;
        }
        if let Some(gpu) = self.metrics.gpu.get() {
            let help = "Share of the last moments in which the GPU computed.";
            gauge(&mut encoder, "gpu_utilization", help, gpu.utilization)?;
            let help = "Bytes of the GPU's memory that are taken, by whomever.";
            gauge(&mut encoder, "gpu_memory_used_bytes", help, gpu.memory_used_bytes as f64)?;
            let help = "Bytes of memory that the GPU has.";
            gauge(&mut encoder, "gpu_memory_bytes", help, gpu.memory_bytes as f64)?;
        }
        if let Some(share) = load.kv_cache_utilization {
            gauge(
                &mut encoder,
                "kv_cache_utilization",
                "Share of the key-value cache that is taken.",
                share,
            )?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    let metric = encoder.encode_descriptor(name, help, None, EncodeMetric::metric_type(&gauge))?;
    gauge.encode(metric)
}
