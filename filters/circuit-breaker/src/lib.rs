//! Envoy upstream filter: the books of each endpoint, per attempt.
