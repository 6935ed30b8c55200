//! A panic on request, for tests of what a trap costs. In no shipped module: the feature is off by default, and the
//! test-only builds lie in a folder of their own.

use crate::{Headers, Host};

/// The request header that asks for a panic, by the filter's name.
const HEADER: &str = "x-spillway-chaos";

/// Panics when the request asks this filter to.
#[allow(clippy::panic, reason = "it is what this module is for")]
pub fn panic_if_asked(host: &dyn Host, filter: &str) {
    let asked = host.header(Headers::Request, HEADER).ok().flatten();
    if asked.is_some_and(|asked| asked == filter.as_bytes()) {
        panic!("asked to");
    }
}
