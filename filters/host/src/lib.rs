//! The only code that talks to the proxy-wasm SDK.
//!
//! [`Host`] is the one trait; `Envoy` (in the wasm32 build alone) the one implementation, which calls the ABI itself
//! because the SDK's wrappers panic on a status that they do not expect; [`fake`] the one fake, for native tests. On
//! top stand the things that every filter needs and none should write twice: typed metrics, bounded slots in shared
//! data, leases, queues between VMs, configuration and its rules, the decision for the access log.
//!
//! It knows no filter and no decision.

#[cfg(target_arch = "wasm32")]
mod abi;
mod callout;
#[cfg(feature = "chaos")]
mod chaos;
mod config;
mod decision;
#[cfg(target_arch = "wasm32")]
mod envoy;
mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
mod flags;
mod header_block;
mod host;
mod lease;
mod mail;
mod metric;
mod queue;
mod ranged;
#[cfg(not(target_arch = "wasm32"))]
pub mod reference;
mod refusal;
mod rules;
mod slot;

pub use callout::{Callout, Pending, Reply};
#[cfg(feature = "chaos")]
pub use chaos::panic_if_asked;
pub use config::{ConfigError, load};
pub use decision::Decision;
#[cfg(target_arch = "wasm32")]
pub use envoy::Envoy;
pub use error::{HostError, Status};
pub use flags::broke_off;
pub use header_block::{HeaderBlock, status_of};
pub use host::{Buffer, Headers, Host, LocalReply, MetricId, MetricKind, Path, SharedValue, paths};
pub use lease::{Hold, Lease};
pub use mail::Mail;
pub use metric::{Counter, Gauge, Histogram, gauges_work};
pub use queue::{MailTo, Mailbox};
pub use ranged::{Permille, Ranged};
pub use refusal::{refuse, whole_seconds};
pub use rules::{Match, Mode, RequestLine, Rule, is_for_model, mode_of_request};
pub use slot::{Slot, Updated};
