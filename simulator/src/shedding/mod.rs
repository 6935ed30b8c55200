//! More requests than a pool can serve: what the shipped decisions of `spillway_shedding` make of it, beside other limits.
//!
//! Inference workers have slots and a line of those that wait, in order of arrival. A request takes a prefill up to its
//! first token and then decodes. It is worth something if its first token comes within a second; nobody gives up, so what
//! is too late costs as much as what is in time.

mod engine;
mod gate;
mod outcome;
mod plan;
mod study;
mod table;
mod world;

pub use gate::Kind;
pub use outcome::{Outcome, Second};
pub use plan::{Plan, Prompts, Returns};
pub use study::{Finding, Findings, Study};
pub use table::{draw, render};

/// Its name among the scenarios.
pub const NAME: &str = "shedding";

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan, kind: Kind) -> Outcome {
    world::World::new(plan, kind).run()
}
