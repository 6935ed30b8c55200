//! Envoy filter: weighted least-connection routing on an unmodified Envoy.
//!
//! For each request it names a few endpoints of the route's cluster, best first, in a header that Envoy's
//! `override_host` policy reads. The choice is [`spillway_routing`]'s; the books are [`spillway_pool`]'s.

mod ask;
mod config;
mod http;
mod membership;
mod pick;
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
