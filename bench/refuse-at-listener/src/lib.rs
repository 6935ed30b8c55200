//! An Envoy filter that refuses every request with the same answer, from the callback in which the load-shedder refuses:
//! the floor that the cost of a refusal is compared with. Its callbacks are listed in `Cargo.toml`, and a test of the
//! benchmark keeps the list like the load-shedder's.
#![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

const BODY: &[u8] = br#"{"error":{"message":"the service is busy and enough requests wait; try again later","type":"rate_limit_error","param":null,"code":"queue_full"}}"#;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Refuse));
}}

struct Refuse;

impl Context for Refuse {}

impl HttpContext for Refuse {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        if end_of_stream { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, _bytes: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            let headers = vec![
                ("content-type", "application/json"),
                ("retry-after", "10"),
                ("retry-after-ms", "10000"),
            ];
            self.send_http_response(429, headers, Some(BODY));
        }
        Action::Pause
    }
}

impl RootContext for Refuse {
    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Self))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
