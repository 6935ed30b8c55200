//! An Envoy filter that does nothing, with the same callbacks as the endpoint-picker: the floor that its cost is
//! compared with. Its callbacks are listed in `Cargo.toml`, and a test of the benchmark keeps the lists alike.
#![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Empty));
}}

struct Empty;

impl Context for Empty {}

impl HttpContext for Empty {}

impl RootContext for Empty {
    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Self))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
