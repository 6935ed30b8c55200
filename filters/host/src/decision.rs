//! What a filter decided about a request, left for the operator's access log.
//!
//! It is one line of `key=value` pairs in filter state, under `wasm.spillway_<filter>`; the format line that prints
//! it is in `envoy/`. Only names, numbers and addresses go in: never what a client sent.

use crate::{Host, Path};

/// A decision being written down.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    line: String,
}

impl Decision {
    /// A decision that says nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { line: String::with_capacity(64) }
    }

    /// Adds `key=value`. Plain text and no formatting machinery: this runs for every request.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if !self.line.is_empty() {
            self.line.push(' ');
        }
        self.line.push_str(key);
        self.line.push('=');
        self.line.push_str(value);
        self
    }

    /// Adds `key=number`.
    #[must_use]
    pub fn with_number(self, key: &str, number: u64) -> Self {
        self.with(key, &number.to_string())
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.line
    }

    /// Leaves the line on the stream, under the filter's own property (`spillway_<filter>`).
    pub fn leave(&self, host: &dyn Host, property: Path<'_>) {
        host.set_property(property, self.line.as_bytes()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_line_of_pairs() {
        let host = Fake::new();
        let property = Path("spillway_example");
        Decision::new().with("endpoint", "10.0.0.1:80").with_number("candidates", 3).leave(&*host, property);
        assert_eq!(
            host.property(property).unwrap().as_deref(),
            Some(&b"endpoint=10.0.0.1:80 candidates=3"[..])
        );
    }
}
