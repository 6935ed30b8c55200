//! The only code that talks to the proxy-wasm SDK.
