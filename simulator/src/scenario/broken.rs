//! Endpoints that break and come back.

use std::time::Duration;

use super::column::{Column, FAILED, FIRST_TOKEN, TO_BROKEN, percent};
use super::{Case, Curve, Scenario, Size};
use crate::balancer::Kind;
use crate::endpoint::Condition;
use crate::measure::Outcome;
use crate::setting::{Fault, Setting};

const BREAKS: usize = 20;
const RECOVERS: usize = 60;

/// A few endpoints break, each in its own way, and come back.
pub(super) fn bad_nodes(size: &Size) -> Scenario {
    let mut setting = size.setting(200, 8, 120);
    for place in 0..setting.endpoints {
        match place % 20 {
            3 => setting.faults.extend(fault(place, Condition::Refuses, BREAKS, RECOVERS)),
            9 => setting.faults.extend(fault(place, Condition::Unavailable, BREAKS, RECOVERS)),
            15 => setting.faults.extend(fault(place, Condition::Stalls, BREAKS, RECOVERS)),
            _ => {}
        }
    }
    let while_broken = Column {
        head: "failed, started while they are broken",
        cell: |outcome, _| percent(outcome.failed_share(BREAKS + 1..RECOVERS, false)),
    };
    let attempts = Column {
        head: "attempts to broken: first 10 s, last 10 s",
        cell: |outcome, _| {
            let [first, last] = [BREAKS..BREAKS + 10, RECOVERS - 10..RECOVERS].map(|seconds| {
                let within = outcome.seconds.iter().skip(seconds.start).take(seconds.len());
                within.map(|second| second.to_broken).sum::<u64>()
            });
            format!("{first}, {last}")
        },
    };
    Scenario {
        name: "bad-nodes",
        about: format!(
            "{} endpoints; from {BREAKS} s to {RECOVERS} s one in twenty refuses connections, one answers 503 at once \
             and one takes requests without beginning them.",
            setting.endpoints
        ),
        cases: vec![Case::new(size_of(&setting), setting, &Kind::COMPARED)],
        columns: vec![FIRST_TOKEN, FAILED, while_broken, TO_BROKEN, attempts],
        curve: Curve {
            case: 0,
            title: "attempts to broken endpoints per second",
            of: |second| second.to_broken as f64,
        },
    }
}

const LOST: usize = 30;
const BACK: usize = 90;

/// A zone of three dies and comes back.
pub(super) fn zone_loss(size: &Size) -> Scenario {
    let mut setting = Setting { zones: 3, load: size.load.unwrap_or(0.6), ..size.setting(300, 12, 120) };
    for place in (0..setting.endpoints).filter(|place| place % 3 == 1) {
        setting.faults.extend(fault(place, Condition::Refuses, LOST, BACK));
    }
    let first_second = Column {
        head: "failed, started in the first second",
        cell: |outcome, _| percent(outcome.failed_share(LOST..LOST + 1, false)),
    };
    let after = Column {
        head: "failed, started 1 s after or later",
        cell: |outcome, _| percent(outcome.failed_share(LOST + 1..BACK, false)),
    };
    let broken_off = Column {
        head: "broke off in mid-stream",
        cell: |outcome, _| outcome.seconds.iter().map(|second| second.broken_off).sum::<u64>().to_string(),
    };
    Scenario {
        name: "zone-loss",
        about: format!(
            "Three zones; at {LOST} s one of them dies, at {BACK} s it comes back. Its Envoys live on. The other two \
             then have {:.0} % load. The balancers beside Spillway do not know zones.",
            setting.load * 150.0
        ),
        cases: vec![Case::new(size_of(&setting), setting, &Kind::COMPARED)],
        columns: vec![FIRST_TOKEN, first_second, after, broken_off, TO_BROKEN],
        curve: Curve {
            case: 0,
            title: "share of the requests of a second that failed",
            of: |second| second.failed as f64 / second.arrived.max(1) as f64,
        },
    }
}

const DIES: usize = 20;
const RISES: usize = 40;

/// One endpoint dies and comes back, idle among the busy: does everybody run to it?
pub(super) fn stampede(size: &Size) -> Scenario {
    let mut setting = size.setting(50, 16, 140);
    setting.faults.extend(fault(0, Condition::Refuses, DIES, RISES));
    let attempts = Column {
        head: "attempts while it is gone",
        cell: |outcome, _| outcome.seconds.iter().map(|second| second.to_broken).sum::<u64>().to_string(),
    };
    let most = Column {
        head: "its load after, most ÷ mean of all",
        cell: |outcome, _| {
            let most = afterwards(outcome).map(|(_, ratio)| ratio).fold(0.0, f64::max);
            format!("{most:.2}")
        },
    };
    let back = Column {
        head: "seconds until it has half its share",
        cell: |outcome, _| {
            let back = afterwards(outcome).find(|(_, ratio)| *ratio >= 0.5);
            back.map_or_else(|| "never".to_owned(), |(after, _)| after.to_string())
        },
    };
    Scenario {
        name: "stampede",
        about: format!("One endpoint of {} dies at {DIES} s and comes back at {RISES} s.", setting.endpoints),
        cases: vec![Case::new(size_of(&setting), setting, &Kind::COMPARED)],
        columns: vec![FIRST_TOKEN, FAILED, attempts, most, back],
        curve: Curve {
            case: 0,
            title: "requests in flight at the endpoint that dies",
            of: |second| second.watched,
        },
    }
}

/// Seconds since the one that is watched came back, and its load in each ÷ mean.
fn afterwards(outcome: &Outcome) -> impl Iterator<Item = (usize, f64)> {
    let seconds = outcome.seconds.iter().skip(RISES).enumerate();
    seconds
        .filter(|(_, second)| second.evenness.mean > 0.0)
        .map(|(after, second)| (after, second.watched / second.evenness.mean))
}

fn fault(place: u32, becomes: Condition, from: usize, to: usize) -> [Fault; 2] {
    let at = |second: usize| Duration::from_secs(second as u64);
    [Fault { at: at(from), place, becomes }, Fault { at: at(to), place, becomes: Condition::Well }]
}

fn size_of(setting: &Setting) -> String {
    format!("{:.0} % load, {} Envoys", setting.load * 100.0, setting.envoys)
}
