//! What the parts of Spillway agree on: header names, metric names, the load report, the error body.
