//! Who chooses.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use spillway_harness::{Setup, Spillway};

use crate::overhead::{edited, without_filters};

/// Who chooses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Balancer {
    Spillway,
    LeastRequest,
    RoundRobin,
}

impl Balancer {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spillway => "endpoint-picker and circuit-breaker",
            Self::LeastRequest => "least_request",
            Self::RoundRobin => "round_robin",
        }
    }

    /// Starts what `setup` says, with this balancer.
    pub(super) async fn start(self, setup: Setup) -> Spillway {
        if self == Self::Spillway {
            let spillway = setup.start().await;
            spillway.until_booked("inference").await;
            return spillway;
        }
        edited(setup, self.name(), move |config| self.place(config)).start_unsettled().await
    }

    fn place(self, config: &mut Value) -> Result<()> {
        without_filters(config)?;
        if self == Self::RoundRobin {
            let policy =
                "/static_resources/clusters/0/load_balancing_policy/policies/0/typed_extension_config";
            *config.pointer_mut(policy).context("no policy")? = json!({
                "name": "envoy.load_balancing_policies.round_robin",
                "typed_config": {
                    "@type":
                        "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"
                }
            });
        }
        Ok(())
    }
}
