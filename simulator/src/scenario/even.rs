//! Endpoints that are all well: how even their load is.

use super::column::{FAILED, FIRST_TOKEN, INSTANTS, WHOLE, WINDOWS};
use super::{Case, Curve, Scenario, Size};
use crate::balancer::Kind;
use crate::measure::Second;
use crate::setting::Setting;

const MOST_LOADED: &str = "most loaded endpoint's load of a second ÷ mean";

fn most_loaded(second: &Second) -> f64 {
    second.evenness.max_over_mean
}

/// Equal endpoints at several loads.
pub(super) fn steady(size: &Size) -> Scenario {
    let mut cases = Vec::new();
    for (endpoints, envoys) in [(3, 1), (200, 8)] {
        for load in size.load.map_or(vec![0.5, 0.7, 0.85], |load| vec![load]) {
            let setting = Setting { load, ..size.setting(endpoints, envoys, 120) };
            cases.push(Case::new(named(&setting), setting, &Kind::COMPARED));
        }
    }
    Scenario {
        name: "steady",
        about: "Equal endpoints, nothing goes wrong.".to_owned(),
        curve: Curve { case: cases.len() - 1, title: MOST_LOADED, of: most_loaded },
        cases,
        columns: vec![FIRST_TOKEN, FAILED, WHOLE, WINDOWS],
    }
}

/// Very many endpoints and many Envoys that do not see each other.
pub(super) fn herd(size: &Size) -> Scenario {
    let slots = size.slots.map_or(vec![8, 64], |slots| vec![slots]);
    let cases: Vec<Case> = slots
        .into_iter()
        .map(|slots| {
            let size = Size { slots: Some(slots), ..size.clone() };
            let setting = size.setting(2_000, 32, if slots > 8 { 25 } else { 70 });
            Case::new(named(&setting), setting, &Kind::COMPARED)
        })
        .collect();
    Scenario {
        name: "herd",
        about: "Very many endpoints and many Envoys that do not see each other. The bar: no herding, which is a most \
                loaded endpoint of at most 1.5 times the mean. It is held over the run; within a second or at a moment \
                the most loaded of thousands of small endpoints is above that by chance alone, which the other \
                balancers show."
            .to_owned(),
        curve: Curve { case: 0, title: MOST_LOADED, of: most_loaded },
        cases,
        columns: vec![FIRST_TOKEN, FAILED, WHOLE, WINDOWS, INSTANTS],
    }
}

/// Every third endpoint half as fast.
pub(super) fn mixed_speeds(size: &Size) -> Scenario {
    let cases: Vec<Case> = [(3, 1), (300, 8)]
        .into_iter()
        .map(|(endpoints, envoys)| {
            let setting = Setting { speeds: vec![1.0, 1.0, 0.5], ..size.setting(endpoints, envoys, 120) };
            Case::new(named(&setting), setting, &Kind::COMPARED)
        })
        .collect();
    Scenario {
        name: "mixed-speeds",
        about: "Every third endpoint is half as fast. Load is requests in flight per slot.".to_owned(),
        curve: Curve { case: 1, title: MOST_LOADED, of: most_loaded },
        cases,
        columns: vec![FIRST_TOKEN, FAILED, WHOLE, WINDOWS],
    }
}

/// Every third endpoint has traffic that comes past the Envoys: only load reports tell of it.
pub(super) fn bypass(size: &Size) -> Scenario {
    let cases: Vec<Case> = [(200, 8), (200, 32)]
        .into_iter()
        .map(|(endpoints, envoys)| {
            let load = size.load.unwrap_or(0.6);
            let setting = Setting { load, bypass: 0.5, ..size.setting(endpoints, envoys, 120) };
            Case::new(named(&setting), setting, &Kind::COMPARED)
        })
        .collect();
    Scenario {
        name: "bypass",
        about: "Every third endpoint has half of its capacity taken by traffic that comes past the Envoys; only load \
                reports tell of it. Times to first token are those of all requests, also of these."
            .to_owned(),
        curve: Curve { case: 0, title: MOST_LOADED, of: most_loaded },
        cases,
        columns: vec![FIRST_TOKEN, FAILED, WHOLE, WINDOWS],
    }
}

fn named(setting: &Setting) -> String {
    let Setting { endpoints, envoys, slots, load, .. } = setting;
    format!("{endpoints} endpoints of {slots} slots, {envoys} Envoys, {:.0} %", load * 100.0)
}
