//! Envoy filter: admits what a pool can serve, lets the rest wait by priority, and refuses what is too much.
//!
//! How much a pool is given, who waits, who is refused and when a refused client should come back is
//! [`spillway_shedding`]'s to say; here it is asked, and its answers are carried out. What a pool is given is a gauge of
//! permits that all Envoy workers share ([`pool`]); who waits stands in shared data, and VMs wake one another by mail
//! ([`mail`]), so that a permit that is given back in one VM serves whoever's turn it is in any.

mod answer;
mod body;
mod budgets;
mod classes;
mod config;
mod counters;
mod exchange;
mod http;
mod mail;
mod notices;
mod pool;
mod refusal;
mod root;
mod shared;
mod shares;
mod standing;
mod waiting;

pub use config::Config;
pub use root::Root;

#[cfg(target_arch = "wasm32")]
mod start {
    #![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]

    use crate::Root;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|id| Box::new(Root::new(std::rc::Rc::new(spillway_host::Envoy), id)));
    }}
}
