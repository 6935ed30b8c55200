//! Stopping, step by step.

use crate::harness::{Running, Service};
use spillway_fixtures::{Client, RequestParts, eventually};
use spillway_serving::Served;
use spillway_serving::life::Phase;
use std::time::Duration;

/// A request that is held, once it is worked on.
fn held(service: &Running) -> Client {
    let before = service.app.in_flight();
    let client = service.client().send(&RequestParts::get("/held"));
    eventually("it is worked on", || service.app.in_flight() == before + 1);
    client
}

#[test]
fn requests_in_flight_are_finished_and_new_ones_told_so() {
    let mut service = Service::default().start();
    let mut in_flight = held(&service);
    service.stop();
    eventually("it drains", || service.app.phase() == Phase::Draining);
    assert_eq!(service.get("/held").status, 503, "a new connection is told so in an answer");
    service.release();
    assert_eq!(in_flight.reply().text(), "let go");
    assert_eq!(service.stopped(), 0);
}

#[test]
fn who_routes_has_time_to_see_it() {
    let mut service = Service::default();
    service.drain.delay = Duration::from_secs(600);
    let mut service = service.start();
    service.stop();
    eventually("it leaves", || service.app.phase() == Phase::Leaving);
    let mut taken = held(&service);
    service.release();
    assert_eq!(taken.reply().status, 200);
}

#[test]
fn idle_connections_are_closed() {
    let mut service = Service::default().start();
    let mut idle = service.client().send(&RequestParts::get("/"));
    assert_eq!(idle.reply().status, 200);
    let _in_flight = held(&service);
    service.stop();
    assert!(idle.is_closed());
    service.release();
    assert_eq!(service.stopped(), 0);
}

#[test]
fn what_takes_too_long_is_cut() {
    let mut service = Service::default();
    service.drain.timeout = Duration::from_millis(200);
    let mut service = service.start();
    let mut in_flight = held(&service);
    service.stop();
    assert_eq!(service.stopped(), 1);
    assert!(in_flight.is_closed());
}
