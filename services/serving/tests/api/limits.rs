//! Bounds on connections.

use crate::harness::Service;
use spillway_fixtures::{End, RequestParts, eventually};
use spillway_serving::Served;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(100);

#[test]
fn headers_that_do_not_come() {
    let mut service = Service::default();
    service.limits.header_timeout = SOON;
    let mut client = service.start().client();
    client.write(b"GET / HTTP/1.1\r\nhost: x\r\n");
    assert!(client.is_closed());
}

#[test]
fn a_connection_without_a_request() {
    let mut service = Service::default();
    service.limits.idle_timeout = SOON;
    let service = service.start();
    assert!(service.client().is_closed());
    let mut used = service.client().send(&RequestParts::get("/"));
    assert_eq!(used.reply().status, 200);
    assert!(used.is_closed(), "idle again after an answer");
}

#[test]
fn a_slow_answer_is_no_idle_connection() {
    let mut service = Service::default();
    service.limits.idle_timeout = SOON;
    service.limits.header_timeout = SOON;
    let service = service.start();
    let mut client = service.client().send(&RequestParts::get("/held"));
    eventually("it is worked on", || service.app.in_flight() == 1);
    std::thread::sleep(SOON * 5);
    service.release();
    assert_eq!(client.reply().text(), "let go");
}

#[test]
fn a_client_that_does_not_read() {
    let mut service = Service::default();
    service.limits.send_timeout = SOON;
    let service = service.start();
    // More than the sockets hold.
    let mut client = service.client().send(&RequestParts::get("/large"));
    std::thread::sleep(SOON * 20);
    assert_ne!(client.reply().end, End::Whole, "it was served to its end");
    assert_eq!(service.get("/").status, 200, "others are served");
}

#[test]
fn more_connections_than_there_may_be_wait() {
    let mut service = Service::default();
    service.limits.max_connections = 2;
    let service = service.start();
    let mut first = service.client().send(&RequestParts::get("/"));
    assert_eq!(first.reply().status, 200);
    let second = service.client();
    let mut third = service.client().send(&RequestParts::get("/"));
    std::thread::sleep(SOON);
    assert!(third.reply_now().is_none());
    drop(second);
    assert_eq!(third.reply().status, 200);
}

#[test]
fn a_reset_is_one() {
    let mut client = Service::default().start().client().send(&RequestParts::get("/reset"));
    assert_eq!(client.reply().end, End::Reset);
}
