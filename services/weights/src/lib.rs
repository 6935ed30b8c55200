//! Weights of models, through a cache.
//!
//! ```text
//! cache       a model by its name → verified weights, mapped into memory
//!   manifest  what a name stands for: a file's digest, and those of its chunks
//!   tiers     where chunks come from: Redis, then the store
//!   fetch     chunks side by side, each verified before it is written
//!   disk      files by their digest, shared by all processes of a machine: locks, pointers, eviction
//!   mapped    a file that was verified from its first byte to its last, and stays as it is while it is used
//! publish     a file into the store
//! progress    how far a load is, for a terminal and for `/ready`
//! ```
//!
//! Nothing is ever mapped whose digests were not compared in this very load. What differs is fetched again.

pub mod cache;
pub mod cli;
pub mod counters;
pub mod digest;
pub mod manifest;
pub mod mapped;
pub mod name;
pub mod progress;
pub mod publish;
pub mod tiers;

mod disk;
mod fetch;

pub use cache::{Loaded, WeightsCache};
pub use digest::Digest;
pub use manifest::Manifest;
pub use mapped::Weights;
pub use name::ModelName;
pub use progress::Progress;
