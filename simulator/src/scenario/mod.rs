//! What is compared, and in which figures.

mod affinity;
mod broken;
mod column;
mod even;
mod size;

pub use column::Column;
pub use size::Size;

use crate::balancer::Kind;
use crate::measure::{Outcome, Second};
use crate::setting::Setting;
use crate::world::World;

/// Names of all scenarios.
pub const NAMES: [&str; 8] =
    ["steady", "herd", "mixed-speeds", "bypass", "bad-nodes", "zone-loss", "stampede", "affinity"];

/// Some worlds in which balancers are compared.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a sentence or two.
    pub about: String,
    /// The worlds.
    pub cases: Vec<Case>,
    /// The figures that are shown.
    pub columns: Vec<Column>,
    /// The picture.
    pub curve: Curve,
}

/// A world, and the balancers that are tried in it.
pub struct Case {
    /// What it is called in the table.
    pub name: String,
    /// The world.
    pub setting: Setting,
    /// The balancers.
    pub kinds: Vec<Kind>,
}

/// What is drawn over time: a line for each balancer of one case.
#[derive(Clone, Copy)]
pub struct Curve {
    /// Which case.
    pub case: usize,
    /// What it is.
    pub title: &'static str,
    /// Its value in one second.
    pub of: fn(&Second) -> f64,
}

/// How a balancer did in a case.
pub struct Row {
    /// Which case.
    pub case: usize,
    /// Which balancer.
    pub kind: Kind,
    /// How it did.
    pub outcome: Outcome,
}

impl Scenario {
    /// The scenario of that name; `None` when there is none.
    #[must_use]
    pub fn named(name: &str, size: &Size) -> Option<Self> {
        Some(match name {
            "steady" => even::steady(size),
            "herd" => even::herd(size),
            "mixed-speeds" => even::mixed_speeds(size),
            "bypass" => even::bypass(size),
            "bad-nodes" => broken::bad_nodes(size),
            "zone-loss" => broken::zone_loss(size),
            "stampede" => broken::stampede(size),
            "affinity" => affinity::affinity(size),
            _ => return None,
        })
    }

    /// Requests of all its runs, about: how long it takes.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.cases.iter().map(|case| case.work() * case.kinds.len() as u64).sum()
    }

    /// Runs every balancer in every case. `progress` is told what runs, and how much of [`Self::work`] is done.
    pub fn run(&self, mut progress: impl FnMut(&str, u64)) -> Vec<Row> {
        let mut rows = Vec::new();
        for (number, case) in self.cases.iter().enumerate() {
            let per_second = case.work() / case.setting.lasts.as_secs().max(1);
            for kind in &case.kinds {
                let what = format!("{}: {}, {}", self.name, case.name, kind.as_str());
                progress(&what, 0);
                let outcome = World::new(&case.setting, *kind).run(|| progress(&what, per_second));
                rows.push(Row { case: number, kind: *kind, outcome });
            }
        }
        rows
    }
}

impl Case {
    fn new(name: impl Into<String>, setting: Setting, kinds: &[Kind]) -> Self {
        Self { name: name.into(), setting, kinds: kinds.to_vec() }
    }

    fn work(&self) -> u64 {
        let rate: f64 = (0..self.setting.envoys).map(|envoy| self.setting.rate(envoy)).sum();
        (rate * self.setting.lasts.as_secs_f64()) as u64
    }
}
