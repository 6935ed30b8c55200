//! How large a scenario is: what is asked for, and what it has by itself.

use std::time::Duration;

use spillway_routing::decision::Policy;

use crate::service::Service;
use crate::setting::Setting;

/// What is asked for; `None` is the scenario's own.
#[derive(Clone, Debug, Default)]
pub struct Size {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Endpoints.
    pub endpoints: Option<u32>,
    /// Envoys.
    pub envoys: Option<u32>,
    /// Slots of each endpoint.
    pub slots: Option<u32>,
    /// Traffic as a share of capacity.
    pub load: Option<f64>,
    /// How long it runs.
    pub lasts: Option<Duration>,
    /// Mean time from a slot to the first token.
    pub prefill: Option<Duration>,
    /// Mean time from the first token to the last.
    pub decode: Option<Duration>,
    /// How long an attempt may wait for a slot.
    pub patience: Option<Duration>,
    /// How long a load report is believed.
    pub report_lasts: Option<Duration>,
    /// Endpoints that Spillway looks at per request.
    pub candidates: Option<usize>,
}

impl Size {
    /// A setting with a scenario's own size where nothing else is asked for.
    pub(super) fn setting(&self, endpoints: u32, envoys: u32, lasts_s: u64) -> Setting {
        let usual = Setting::default();
        let slots = self.slots.unwrap_or(usual.slots);
        Setting {
            seed: self.seed,
            endpoints: self.endpoints.unwrap_or(endpoints).max(1),
            envoys: self.envoys.unwrap_or(envoys).max(1),
            slots,
            queue: 4 * slots,
            load: self.load.unwrap_or(usual.load),
            lasts: self.lasts.unwrap_or(Duration::from_secs(lasts_s)),
            service: Service {
                prefill: self.prefill.unwrap_or(usual.service.prefill),
                decode: self.decode.unwrap_or(usual.service.decode),
                ..usual.service
            },
            patience: self.patience.unwrap_or(usual.patience),
            report_lasts: self.report_lasts.unwrap_or(usual.report_lasts),
            policy: Policy { candidates: self.candidates.unwrap_or(usual.policy.candidates), ..usual.policy },
            ..usual
        }
    }
}
