//! End-to-end tests: a real Envoy, the built filters, real workers.
