//! Where weights come from: Redis, near and fast, for chunks of models that are small enough; then the store, which has
//! everything.

mod location;
mod redis;
mod store;

pub use location::{Location, StoreConfig};
pub(crate) use redis::ModelChunks;
pub use redis::{RedisChunks, RedisChunksConfig};
pub use store::{Store, StoreError};
