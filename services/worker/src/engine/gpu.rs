//! What the GPU does, as its driver says (NVML).
//!
//! The driver's library is looked for when the program runs: a machine without one has no GPU, and nothing else is different.

use super::device::Compute;
use crate::metrics::{GpuSample, Metrics};
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::sync::Arc;
use std::time::Duration;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);

/// A GPU that can be asked.
#[derive(Debug)]
pub struct Gpu {
    nvml: Nvml,
    /// Which one it is, whatever else counts them in another order.
    uuid: String,
}

impl Gpu {
    /// The GPU that a model computes on. `None` when it computes on the processor, or when its driver cannot be asked, which
    /// is logged.
    #[must_use]
    pub fn of(compute: &Compute) -> Option<Self> {
        let uuid = uuid(compute)?;
        Self::open(uuid)
            .inspect_err(|error| tracing::warn!("the GPU's load is not reported: NVML says: {error}"))
            .ok()
    }

    fn open(uuid: String) -> Result<Self, NvmlError> {
        let nvml = Nvml::init()?;
        let name = nvml.device_by_uuid(uuid.as_str())?.name()?;
        tracing::info!(gpu = name, "computing on a GPU");
        Ok(Self { nvml, uuid })
    }

    fn sample(&self) -> Result<GpuSample, NvmlError> {
        let device = self.nvml.device_by_uuid(self.uuid.as_str())?;
        let memory = device.memory_info()?;
        Ok(GpuSample {
            utilization: f64::from(device.utilization_rates()?.gpu) / 100.0,
            memory_used_bytes: memory.used,
            memory_bytes: memory.total,
        })
    }

    /// Asks it for ever, once a second, for the load report and the metrics.
    pub async fn watch(self, metrics: Arc<Metrics>) {
        let gpu = Arc::new(self);
        loop {
            let asked = Arc::clone(&gpu);
            // The driver takes milliseconds: not on a thread that moves bytes.
            let sample = tokio::task::spawn_blocking(move || asked.sample()).await;
            metrics.gpu.set(sample.ok().and_then(Result::ok));
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// The name of the machine's first GPU, whether this build can use it or not.
#[must_use]
pub fn first_name() -> Option<String> {
    Nvml::init().ok()?.device_by_index(0).ok()?.name().ok()
}

/// As the driver writes it.
#[cfg(feature = "cuda")]
fn uuid(compute: &Compute) -> Option<String> {
    let Compute::Tensors(candle_core::Device::Cuda(device)) = compute else { return None };
    let uuid = device.cuda_stream().context().uuid().ok()?;
    let hex = uuid.bytes.map(|byte| format!("{byte:02x}"));
    let part = |bytes: std::ops::Range<usize>| hex.get(bytes).unwrap_or_default().concat();
    Some(format!("GPU-{}-{}-{}-{}-{}", part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)))
}

#[cfg(not(feature = "cuda"))]
fn uuid(_compute: &Compute) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_and_no_crash() {
        let error = Gpu::open("GPU-00000000-0000-0000-0000-000000000000".to_owned()).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert!(Gpu::of(&Compute::Processor).is_none());
    }
}
