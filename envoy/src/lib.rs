//! The shipped Envoy configuration, and how to place it on other ports and paths.
