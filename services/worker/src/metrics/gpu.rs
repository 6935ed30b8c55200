//! What the GPU said last.

use std::sync::{Mutex, PoisonError};

/// What a GPU says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuSample {
    /// Share of the last moments in which it computed, 0 to 1.
    pub utilization: f64,
    /// Bytes of its memory that are taken, by whomever.
    pub memory_used_bytes: u64,
    /// Bytes that it has.
    pub memory_bytes: u64,
}

impl GpuSample {
    /// The share of its memory that is taken, 0 to 1.
    #[must_use]
    pub fn memory_utilization(&self) -> f64 {
        self.memory_used_bytes as f64 / self.memory_bytes.max(1) as f64
    }
}

/// The last sample, where there is a GPU.
#[derive(Debug, Default)]
pub struct Gpu(Mutex<Option<GpuSample>>);

impl Gpu {
    /// What it said last.
    #[must_use]
    pub fn get(&self) -> Option<GpuSample> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it says now; `None` when it does not answer.
    pub fn set(&self, sample: Option<GpuSample>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sample;
    }
}
