//! More requests than a pool can serve: what the shipped decisions of `spillway_shedding` make of it, beside other limits.

mod engine;
mod gate;
mod outcome;
mod plan;
mod world;

pub use gate::Kind;
pub use outcome::{Outcome, Second};
pub use plan::Plan;

/// Its name among the scenarios.
pub const NAME: &str = "shedding";

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan, kind: Kind) -> Outcome {
    world::World::new(plan, kind).run()
}

#[cfg(test)]
mod explore;
