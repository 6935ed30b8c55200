//! Envoy filter: weighted least-connection routing on an unmodified Envoy.
