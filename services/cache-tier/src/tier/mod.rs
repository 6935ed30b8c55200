//! Where entries are kept.
//!
//! [`Memory`] is always there and answers at once. Behind it are **layers**, nearest first: disk, Redis, object store.
//! Each is a [`Backend`], which does the input and output, inside of a [`Layer`], which bounds what that may cost: a
//! deadline, a circuit, a bounded queue of writes. A layer that fails is a layer that has nothing.

mod backend;
mod breaker;
mod circuits;
mod disk;
#[cfg(test)]
pub(crate) mod fake;
mod layer;
mod memory;
mod queue;
mod redis;
mod store;
mod sync;
mod writer;

pub use backend::{Answer, Backend, Batching, Change};
pub use disk::{Disk, DiskConfig};
pub use layer::{Layer, LayerConfig, Shared};
pub use memory::Memory;
pub use queue::{QueueLimits, Refused};
pub use redis::Redis;
pub use store::{Store, StoreConfig};
