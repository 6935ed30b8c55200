//! The decision crates in virtual time: thousands of endpoints, dozens of Envoys, minutes in seconds.
//!
//! A [`world::World`] is endpoints with slots and queues, Envoys that each keep their own books, and Poisson arrivals.
//! Every Envoy asks a [`balancer::Balancer`]: Spillway's is the very code that the filters run, `spillway_routing` and
//! `spillway_breaker`; the others are what proxies do today. A [`scenario`] compares them on the same arrivals, and a
//! [`report`] says how it went. [`cache`] compares which entries caches keep, for which no world is needed. [`shedding`] is
//! a world of its own: more requests than a pool can serve, and what is done with those that are too many.
//!
//! A run is a function of its [`setting::Setting`]: no clock, no threads, no files. The same seed gives the same table.
//! What it does not do: stand in for a measurement with a real Envoy and real workers, which `bench/` has.
#![allow(
    clippy::indexing_slicing,
    reason = "it indexes its own tables by its own numbers; a panic here costs a run and shows the mistake"
)]

pub mod balancer;
pub mod books;
pub mod cache;
pub mod draw;
pub mod endpoint;
pub mod events;
pub mod measure;
pub mod report;
pub mod scenario;
pub mod service;
pub mod setting;
pub mod shedding;
pub mod world;
