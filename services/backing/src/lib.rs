//! How services reach what stands behind them.
//!
//! ```text
//! redis    one server or a cluster: where it is, and a connection that makes itself anew
//! store    an object store that speaks S3: who asks
//! secrets  files with passwords and keys
//! ```
//!
//! What is asked for is each service's own. Credentials stand in no log and no error, and what a server said is told in
//! the words of [`Fault`], because its own could hold keys and names.

#![forbid(unsafe_code)]

mod fault;
pub mod redis;
pub mod secrets;
pub mod store;

pub use fault::Fault;
