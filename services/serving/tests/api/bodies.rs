//! Bodies of requests, within their bounds.

use crate::harness::{MAX_BYTES, Service};
use std::time::Duration;

const HEAD: &str = "POST /body HTTP/1.1\r\nhost: x\r\n";
const TOO_LONG: &str = "the body is longer than the limit of 10000 bytes";

/// What is said to a body of that many bytes, announced or in chunks.
fn said(bytes: usize, announced: bool) -> String {
    let mut client = Service::default().start().client();
    let body = " ".repeat(bytes);
    if announced {
        client.write(format!("{HEAD}content-length: {bytes}\r\n\r\n{body}").as_bytes());
    } else {
        client.write(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes());
        client.write(format!("{bytes:x}\r\n{body}\r\n0\r\n\r\n").as_bytes());
    }
    client.reply().text()
}

#[test]
fn a_body_is_read_up_to_the_limit_and_no_further() {
    for (bytes, announced, expected) in [
        (3, true, "3 of at most 3"),
        (3, false, "3 of at most 10000"),
        (MAX_BYTES, true, "10000 of at most 10000"),
        (MAX_BYTES, false, "10000 of at most 10000"),
        (MAX_BYTES + 1, true, TOO_LONG),
        (MAX_BYTES + 1, false, TOO_LONG),
        (1_000_000, true, TOO_LONG),
        (1_000_000, false, TOO_LONG),
    ] {
        assert_eq!(said(bytes, announced), expected, "{bytes}, announced: {announced}");
    }
}

#[test]
fn who_asks_before_sending_is_not_told_to_go_on() {
    let mut client = Service::default().start().client();
    client.write(format!("{HEAD}content-length: 10001\r\nexpect: 100-continue\r\n\r\n").as_bytes());
    let reply = client.reply();
    assert_eq!((reply.status, reply.text().as_str()), (200, TOO_LONG), "and not 100");
}

#[test]
fn a_body_that_does_not_come() {
    let service = Service { body_timeout: Duration::from_secs(1), ..Service::default() }.start();
    let mut client = service.client();
    client.write(format!("{HEAD}content-length: 100\r\n\r\n{{").as_bytes());
    assert_eq!(client.reply().text(), "the body did not come within 1 s");
}
