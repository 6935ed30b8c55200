//! How a simulated engine behaves, and how that is changed while it runs.

use crate::engine::Disruption;
use serde::{Deserialize, Serialize};

/// Everything about a simulated engine that can be changed while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Behaviour {
    /// 0.01 to 100: how much faster than its rates it works.
    pub speed_factor: f64,
    /// 0 to 1: a request takes from `1 - jitter_ratio` to `1 + jitter_ratio` times its time, evenly spread.
    pub jitter_ratio: f64,
    /// The headers of a stream are sent at once and not with its first event.
    pub headers_first: bool,
    /// What `/ready` says. Requests are answered either way.
    pub ready: bool,
    /// 0 to 1: the GPU utilisation that it reports; `None` reports none.
    pub gpu_utilization: Option<f64>,
    /// What goes wrong.
    pub fault: Fault,
    /// 0 to 1: for which share of the requests it goes wrong.
    pub fault_probability: f64,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Answer with a status instead, at once.
    Status {
        /// 400 to 599.
        code: u16,
        /// Seconds in `Retry-After`; without it the header is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u32>,
    },
    /// Reset the connection at once.
    ResetBeforeHeaders,
    /// Reset the connection after this many events of a stream, and a plain answer before its end.
    ResetAfterEvents {
        /// 0 sends the headers alone.
        n: u32,
    },
    /// Accept the request and never answer.
    Stall,
    /// End a stream without its terminal event, and a plain answer in the middle.
    Truncate,
}

/// A change: what is absent is as it was at the start.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// See [`Behaviour::speed_factor`].
    pub speed_factor: Option<f64>,
    /// See [`Behaviour::jitter_ratio`].
    pub jitter_ratio: Option<f64>,
    /// See [`Behaviour::headers_first`].
    pub headers_first: Option<bool>,
    /// See [`Behaviour::ready`].
    pub ready: Option<bool>,
    /// See [`Behaviour::gpu_utilization`].
    pub gpu_utilization: Option<f64>,
    /// See [`Behaviour::fault`].
    pub fault: Option<Fault>,
    /// See [`Behaviour::fault_probability`].
    pub fault_probability: Option<f64>,
}

/// A value that is out of range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field}: expected a number from {min} to {max}, got {got}")]
pub struct BehaviourError {
    field: &'static str,
    min: f64,
    max: f64,
    got: f64,
}

impl BehaviourError {
    /// The path of the field.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            speed_factor: 1.0,
            jitter_ratio: 0.0,
            headers_first: false,
            ready: true,
            gpu_utilization: None,
            fault: Fault::None,
            fault_probability: 1.0,
        }
    }
}

impl Behaviour {
    /// This behaviour with a change.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn with(self, change: Change) -> Result<Self, BehaviourError> {
        let fault = change.fault.unwrap_or(self.fault);
        if let Fault::Status { code, .. } = fault {
            in_range("fault.status.code", f64::from(code), 400.0, 599.0)?;
        }
        let number =
            |field, value: Option<f64>, own, min, max| in_range(field, value.unwrap_or(own), min, max);
        let gpu_utilization = change.gpu_utilization.or(self.gpu_utilization);
        if let Some(share) = gpu_utilization {
            in_range("gpu_utilization", share, 0.0, 1.0)?;
        }
        Ok(Self {
            speed_factor: number("speed_factor", change.speed_factor, self.speed_factor, 0.01, 100.0)?,
            jitter_ratio: number("jitter_ratio", change.jitter_ratio, self.jitter_ratio, 0.0, 1.0)?,
            headers_first: change.headers_first.unwrap_or(self.headers_first),
            ready: change.ready.unwrap_or(self.ready),
            gpu_utilization,
            fault,
            fault_probability: number(
                "fault_probability",
                change.fault_probability,
                self.fault_probability,
                0.0,
                1.0,
            )?,
        })
    }

    /// What goes wrong with a request that drew `chance` from 0..1.
    pub(super) fn disruption(&self, chance: f64) -> Option<Disruption> {
        if chance >= self.fault_probability {
            return None;
        }
        match self.fault {
            Fault::None => None,
            Fault::Status { code, retry_after_s } => Some(Disruption::Status { code, retry_after_s }),
            Fault::ResetBeforeHeaders => Some(Disruption::ResetBeforeHeaders),
            Fault::ResetAfterEvents { n } => Some(Disruption::ResetAfterEvents(n)),
            Fault::Stall => Some(Disruption::Stall),
            Fault::Truncate => Some(Disruption::Truncate),
        }
    }
}

fn in_range(field: &'static str, got: f64, min: f64, max: f64) -> Result<f64, BehaviourError> {
    if (min..=max).contains(&got) { Ok(got) } else { Err(BehaviourError { field, min, max, got }) }
}
