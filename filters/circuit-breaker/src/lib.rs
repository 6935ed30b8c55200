//! Envoy upstream filter: the circuit and the books of each endpoint, per attempt.
//!
//! Only an upstream filter sees every attempt, retries and the choices of Envoy's fallback policy included. So this
//! one counts what is in flight where, measures the time to first token, notes how each attempt ended, and opens the
//! circuit of an endpoint that fails. The endpoint-picker goes by what it leaves. What a circuit decides is
//! [`spillway_breaker`]'s; the books are [`spillway_pool`]'s.

mod answer;
mod attempt;
mod config;
mod failures;
mod open;
mod reports;
mod retry_after;
mod root;

pub use config::Config;
pub use root::Root;

#[cfg(target_arch = "wasm32")]
mod start {
    #![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]

    use crate::Root;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|_| Box::new(Root::new(std::rc::Rc::new(spillway_host::Envoy))));
    }}
}
