//! Envoy filter: answers repeated requests from memory and from the cache tier, and computes identical ones once.
//!
//! What may be kept, under which key and for how long is [`spillway_caching`]'s to say; here it is asked, and its answers
//! are carried out. The first tier is Envoy's shared data ([`memory`]); the others are a service beside Envoy, asked by
//! call-out ([`tier`]). Who computes and who waits is in shared data too ([`flights`]), and VMs wake one another by mail
//! ([`mail`]).

mod answer;
mod ask;
mod bodies;
mod busy;
mod config;
mod counters;
mod entry;
mod flights;
mod http;
mod mail;
mod memory;
mod refresh;
mod reply;
mod root;
mod shared;
mod tier;
mod waiting;
mod wake;

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
