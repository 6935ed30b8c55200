//! Requests that share prefixes: what it brings to keep them together, and what it costs in evenness.

use std::time::Duration;

use super::column::{Column, FAILED, FIRST_TOKEN, WHOLE, WINDOWS, percent};
use super::{Case, Curve, Scenario, Size};
use crate::balancer::Kind;
use crate::draw::Zipf;
use crate::service::Service;
use crate::setting::{Prefixes, Setting};

const PREFIXES: u32 = 2_000;
const REMEMBERED: usize = 40;

/// Prefixes by Zipf's law, of which an endpoint remembers a few.
pub(super) fn affinity(size: &Size) -> Scenario {
    let hits = Column { head: "prefix remembered", cell: |outcome, _| percent(outcome.hit_share()) };
    let kinds = [Kind::Affinity, Kind::Spillway, Kind::LeastRequest, Kind::RoundRobin];
    let cases = [0.7, 1.0]
        .map(|exponent| {
            let setting = Setting {
                service: Service {
                    prefill: size.prefill.unwrap_or(Duration::from_millis(800)),
                    decode: size.decode.unwrap_or(Duration::from_millis(1_200)),
                    ..Service::default()
                },
                prefixes: Some(Prefixes {
                    law: Zipf::new(PREFIXES, exponent),
                    remembered: REMEMBERED,
                    hit_costs: 0.1,
                }),
                ..size.setting(50, 4, 120)
            };
            Case::new(format!("exponent {exponent}"), setting, &kinds)
        })
        .into();
    Scenario {
        name: "affinity",
        about: format!(
            "{PREFIXES} prefixes by Zipf's law; an endpoint remembers {REMEMBERED} and then takes a tenth of the time to \
             the first token. Load is a share of what endpoints can do that remember nothing."
        ),
        cases,
        columns: vec![hits, FIRST_TOKEN, FAILED, WHOLE, WINDOWS],
        curve: Curve {
            case: 1,
            title: "most loaded endpoint's load of a second ÷ mean",
            of: |second| second.evenness.max_over_mean,
        },
    }
}
