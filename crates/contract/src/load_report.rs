//! The load that an inference worker reports with every answer.
//!
//! The format is ORCA's (Open Request Cost Aggregation, xDS `OrcaLoadReport`) in the header
//! [`crate::headers::LOAD_REPORT`], in the two textual forms that Envoy reads as well:
//!
//! ```text
//! TEXT application_utilization=0.5,named_metrics.running=4
//! JSON {"application_utilization": 0.5, "named_metrics": {"running": 4}}
//! ```
//!
//! Reading is tolerant: unknown names are left out, and so is a number that makes no sense (negative, not finite).
//! What is left out is `None`, "not known": a worker cannot attract requests by reporting nonsense. Reading is also
//! bounded ([`MAX_BYTES`], [`MAX_ENTRIES`]), since the text comes from another machine.
//!
//! What it does not do: no binary form (`endpoint-load-metrics-bin`), no request costs.

use serde_json::Value;
use std::fmt::{self, Write as _};

/// The longest report that is read, in bytes.
pub const MAX_BYTES: usize = 4096;

/// The most entries of a report that are looked at.
pub const MAX_ENTRIES: usize = 64;

/// What one worker says about itself. `None`: it does not say, or what it said makes no sense. Never negative, never
/// infinite. Each `Option<f64>` holds a count or a share as noted; shares can exceed 1 when work is queued.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LoadReport {
    /// Requests running and waiting, as a share of the slots.
    pub application_utilization: Option<f64>,
    /// Processor time used, as a share of what the worker may use.
    pub cpu_utilization: Option<f64>,
    /// Memory used, as a share of what the worker may use.
    pub mem_utilization: Option<f64>,
    /// Requests per second.
    pub rps_fractional: Option<f64>,
    /// Errors per second.
    pub eps: Option<f64>,
    /// Requests that can run at the same time.
    pub slots: Option<f64>,
    /// Requests that run.
    pub running: Option<f64>,
    /// Requests that wait for a slot.
    pub waiting: Option<f64>,
    /// Slots that are free.
    pub free_slots: Option<f64>,
    /// Share of the key-value cache that is taken.
    pub kv_cache_utilization: Option<f64>,
    /// Share of the time in which its GPUs compute, 0 to 1.
    pub gpu_utilization: Option<f64>,
    /// Share of its GPUs' memory that is taken, by whomever, 0 to 1.
    pub gpu_memory_utilization: Option<f64>,
    /// Tokens generated per second.
    pub output_tokens_per_s: Option<f64>,
}

/// Why a header could not be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoadReportError {
    /// Longer than [`MAX_BYTES`].
    #[error("a load report of {0} bytes is longer than {MAX_BYTES}")]
    TooLong(usize),
    /// Neither `TEXT` nor `JSON`.
    #[error("a load report begins with TEXT or JSON")]
    UnknownFormat,
    /// The part after `JSON` is no JSON object.
    #[error("a load report of the form JSON holds a JSON object")]
    NotAnObject,
}

/// What stands before the names that ORCA does not define.
const NAMED: &str = "named_metrics.";

impl LoadReport {
    /// Every entry with its name, in the order in which it is written.
    fn entries(&self) -> [(&'static str, Option<f64>); 13] {
        [
            ("application_utilization", self.application_utilization),
            ("cpu_utilization", self.cpu_utilization),
            ("mem_utilization", self.mem_utilization),
            ("rps_fractional", self.rps_fractional),
            ("eps", self.eps),
            ("named_metrics.slots", self.slots),
            ("named_metrics.running", self.running),
            ("named_metrics.waiting", self.waiting),
            ("named_metrics.free_slots", self.free_slots),
            ("named_metrics.kv_cache_utilization", self.kv_cache_utilization),
            ("named_metrics.gpu_utilization", self.gpu_utilization),
            ("named_metrics.gpu_memory_utilization", self.gpu_memory_utilization),
            ("named_metrics.output_tokens_per_s", self.output_tokens_per_s),
        ]
    }

    fn entry_mut(&mut self, name: &str) -> Option<&mut Option<f64>> {
        Some(match name {
            "application_utilization" => &mut self.application_utilization,
            "cpu_utilization" => &mut self.cpu_utilization,
            "mem_utilization" => &mut self.mem_utilization,
            "rps_fractional" => &mut self.rps_fractional,
            "eps" => &mut self.eps,
            "named_metrics.slots" => &mut self.slots,
            "named_metrics.running" => &mut self.running,
            "named_metrics.waiting" => &mut self.waiting,
            "named_metrics.free_slots" => &mut self.free_slots,
            "named_metrics.kv_cache_utilization" => &mut self.kv_cache_utilization,
            "named_metrics.gpu_utilization" => &mut self.gpu_utilization,
            "named_metrics.gpu_memory_utilization" => &mut self.gpu_memory_utilization,
            "named_metrics.output_tokens_per_s" => &mut self.output_tokens_per_s,
            _ => return None,
        })
    }

    /// Takes a known name with a sensible value; a name that comes twice keeps its first value.
    fn set(&mut self, name: &str, value: f64) {
        if let Some(entry) = self.entry_mut(name)
            && entry.is_none()
            && value.is_finite()
            && value >= 0.0
        {
            *entry = Some(value);
        }
    }

    /// Reads the value of the header.
    ///
    /// # Errors
    /// When nothing of it can be used: too long, or not of a known form.
    pub fn parse(header: &[u8]) -> Result<Self, LoadReportError> {
        if header.len() > MAX_BYTES {
            return Err(LoadReportError::TooLong(header.len()));
        }
        let header = std::str::from_utf8(header).map_err(|_| LoadReportError::UnknownFormat)?;
        match header.trim_start().split_at_checked(5) {
            Some(("TEXT ", text)) => Ok(Self::parse_text(text)),
            Some(("JSON ", json)) => Self::parse_json(json),
            _ => Err(LoadReportError::UnknownFormat),
        }
    }

    fn parse_text(text: &str) -> Self {
        let mut report = Self::default();
        for entry in text.split(',').take(MAX_ENTRIES) {
            let Some((name, value)) = entry.split_once(['=', ':']) else { continue };
            if let Ok(value) = value.trim().parse() {
                report.set(name.trim(), value);
            }
        }
        report
    }

    fn parse_json(json: &str) -> Result<Self, LoadReportError> {
        let Ok(Value::Object(map)) = serde_json::from_str(json) else {
            return Err(LoadReportError::NotAnObject);
        };
        let mut report = Self::default();
        for (name, value) in map.iter().take(MAX_ENTRIES) {
            match value {
                Value::Number(number) => report.set(&snake(name), number.as_f64().unwrap_or(f64::NAN)),
                Value::Object(named) if snake(name) == "named_metrics" => {
                    for (name, value) in named.iter().take(MAX_ENTRIES) {
                        report.set(&format!("{NAMED}{name}"), value.as_f64().unwrap_or(f64::NAN));
                    }
                }
                _ => {}
            }
        }
        Ok(report)
    }
}

/// Protobuf's JSON allows `cpuUtilization` for `cpu_utilization`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The form `TEXT`, with what is known.
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TEXT ")?;
        let known = self.entries().into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (index, (name, value)) in known.enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            write!(f, "{name}={}", Rounded(value))?;
        }
        Ok(())
    }
}

/// Four decimals are enough, and whole numbers have none.
struct Rounded(f64);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 1e4).round() / 1e4;
        write!(f, "{rounded}")
    }
}

#[cfg(test)]
mod tests;
