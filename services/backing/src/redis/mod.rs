//! Redis: one server, or a cluster.

mod config;
mod connection;
mod fault;

pub use config::{RedisConfig, RedisMode};
pub use connection::{Connection, Connections};
pub use fault::fault;
