//! Bounds on what clients may send and ask for.

use crate::harness::{CacheTier, TierReply, entry, key};
use spillway_contract::cache::protocol::{Lookup, entry_path};
use spillway_fixtures::{Client, End, RequestParts, eventually};

fn head(method: &str) -> String {
    format!("{method} {} HTTP/1.1\r\nhost: x\r\n", entry_path(&key(1)))
}

/// A request whose body does not come.
struct Slow {
    client: Client,
    bytes: usize,
}

impl Slow {
    fn start(tier: &CacheTier, bytes: usize) -> Self {
        let mut client = tier.client();
        client.write(format!("{}content-length: {bytes}\r\n\r\nS", head("PUT")).as_bytes());
        Self { client, bytes }
    }

    /// Begins anew if another one took its place before it came.
    fn unless_refused(&mut self, tier: &CacheTier) {
        if self.client.reply_now().is_some() {
            *self = Self::start(tier, self.bytes);
        }
    }
}

#[test]
fn an_entry_over_the_limit() {
    let tier = CacheTier::start(&["--max-entry-bytes", "10000"]);
    tier.store(&entry(1, 9_000));
    let reply = tier.put(&entry(1, 10_000));
    assert_eq!(reply.error(), (413, "body_too_large".to_owned()));
    assert_eq!(reply.message(), "the body is longer than the limit of 10000 bytes");
}

#[test]
fn a_body_that_does_not_say_how_long_it_is() {
    let tier = CacheTier::start(&["--max-entry-bytes", "10000"]);
    let mut client = tier.client();
    client.write(format!("{}transfer-encoding: chunked\r\n\r\n", head("PUT")).as_bytes());
    for _ in 0..11 {
        client.write(format!("3e8\r\n{}\r\n", " ".repeat(1000)).as_bytes());
    }
    assert_eq!(client.reply().error(), (413, "body_too_large".to_owned()));
}

#[test]
fn a_body_that_does_not_come() {
    let tier = CacheTier::start(&["--body-timeout-s", "1"]);
    let mut client = tier.client();
    client.write(format!("{}content-length: 100\r\n\r\nS", head("PUT")).as_bytes());
    let reply = client.reply();
    assert_eq!(
        (reply.error(), reply.header("connection")),
        ((408, "request_timeout".to_owned()), Some("close"))
    );
}

#[test]
fn a_body_that_breaks_off() {
    let tier = CacheTier::start(&[]);
    let bytes = entry(1, 1_000).encode().unwrap();
    let mut client = tier.client();
    client.write(format!("{}content-length: {}\r\n\r\n", head("PUT"), bytes.len()).as_bytes());
    client.write(&bytes[..500]);
    drop(client);
    eventually("it is counted", || {
        tier.metric("spillway_cache_tier_requests_total{request=\"store\",outcome=\"damaged\"}") == 1.0
    });
    assert_eq!(tier.get(&key(1)).status, 404);
}

#[test]
fn a_client_that_does_not_read() {
    let tier = CacheTier::start(&["--send-timeout-s", "1"]);
    tier.store(&entry(1, 4_000_000));
    let path = entry_path(&key(1));
    let request = RequestParts { method: "GET", path: &path, headers: &[], body: b"" };
    // More than the sockets hold.
    let mut client = tier.client();
    (0..8).for_each(|_| client.ask(&request));
    std::thread::sleep(std::time::Duration::from_secs(3));
    let whole = std::iter::from_fn(|| Some(client.reply().end)).take_while(|end| *end == End::Whole).count();
    assert!(whole < 8, "it was served to its end");
    assert_eq!(tier.get(&key(1)).status, 200, "others are served");
}

#[test]
fn requests_over_the_limit() {
    let tier = CacheTier::start(&["--max-requests", "1"]);
    let mut slow = Slow::start(&tier, 100);
    let mut refused = None;
    eventually("the limit is reached", || {
        let reply = tier.get(&key(2));
        slow.unless_refused(&tier);
        refused = (reply.status == 503).then_some(reply);
        refused.is_some()
    });
    let refused = refused.unwrap();
    assert_eq!((refused.error(), refused.header("retry-after")), ((503, "overloaded".to_owned()), Some("1")));
    assert_eq!(refused.message(), "1 requests are worked on, which is the limit");
    assert_eq!(tier.get_path("/health").status, 200);
    drop(slow);
    eventually("there is room again", || tier.get(&key(2)).status == 404);
}

#[test]
fn who_waits_for_a_lease_takes_no_place() {
    let tier = CacheTier::start(&["--max-requests", "1"]);
    let lookup = Lookup { lease_ms: Some(60_000), wait_ms: Some(60_000), ..Lookup::default() };
    tier.look_up(&key(1), lookup).granted();
    let path = lookup.path(&key(1));
    let request = RequestParts { method: "GET", path: &path, headers: &[], body: b"" };
    let _waits: Vec<_> = (0..5)
        .map(|number| {
            let client = tier.client().send(&request);
            eventually("it waits", || {
                tier.metric("spillway_cache_tier_lease_waiting") == f64::from(number + 1)
            });
            client
        })
        .collect();
    assert_eq!(tier.get(&key(2)).status, 404);
}

#[test]
fn bodies_that_come_at_the_same_time() {
    let arguments = ["--max-entry-bytes", "1000000", "--max-receiving-bytes", "1048576"];
    let tier = CacheTier::start(&arguments);
    let mut slow = Slow::start(&tier, 900_000);
    let large = entry(2, 200_000);
    eventually("there is no room", || {
        let reply = tier.put(&large);
        slow.unless_refused(&tier);
        reply.status == 503 && reply.error().1 == "overloaded"
    });
    tier.store(&entry(2, 10_000));
    drop(slow);
    eventually("there is room again", || tier.put(&large).status == 204);
}
