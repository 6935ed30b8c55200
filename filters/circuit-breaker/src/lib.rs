//! Envoy upstream filter: the books of each endpoint, per attempt.
//!
//! Only an upstream filter sees every attempt, retries and the choices of Envoy's fallback policy included. So this
//! one counts what is in flight where, measures the time to first token, and notes how each attempt ended; the
//! endpoint-picker reads what it writes. The circuit that gives the filter its name is not in this version.

mod attempt;
mod config;
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
