//! The program: how it starts, what it says when it cannot, and how it ends.

use crate::harness::{CacheTier, TierReply, entry, key};
use spillway_contract::cache::protocol::{Lease, Lookup};
use spillway_fixtures::{RequestParts, eventually};
use std::net::TcpListener;
use std::process::Command;

/// Starts it with arguments that it refuses; what it says.
fn refusal(arguments: &[&str]) -> String {
    let mut tier = CacheTier::launch(Command::new(CacheTier::program()), arguments);
    assert_eq!(tier.wait().code(), Some(1), "{}", tier.log());
    tier.log()
}

#[test]
fn it_says_that_it_is_ready_and_that_it_is_not() {
    let mut tier = CacheTier::start(&["--drain-delay-s", "1"]);
    assert_eq!(tier.get_path("/health").text(), r#"{"status":"ok"}"#);
    assert_eq!(tier.get_path("/ready").text(), r#"{"status":"ready"}"#);
    tier.terminate();
    eventually("/ready says no", || tier.get_path("/ready").status == 503);
    assert_eq!(tier.get(&key(1)).status, 404, "who routes has time to see it");
    assert_eq!(tier.wait().code(), Some(0));
}

#[test]
fn who_waits_for_a_lease_is_answered_when_it_stops() {
    let mut tier = CacheTier::start(&[]);
    let lookup = Lookup { lease_ms: Some(60_000), wait_ms: Some(60_000), ..Lookup::default() };
    tier.look_up(&key(1), lookup).granted();
    let path = lookup.path(&key(1));
    let mut waits = tier.client().send(&RequestParts { method: "GET", path: &path, headers: &[], body: b"" });
    eventually("it waits", || tier.metric("spillway_cache_tier_lease_waiting") == 1.0);
    tier.terminate();
    let reply = waits.reply();
    assert_eq!((reply.status, reply.lease()), (404, Some(Lease::Taken)));
    assert_eq!(tier.wait().code(), Some(0));
}

#[test]
fn the_second_time_it_ends_at_once() {
    let mut tier = CacheTier::start(&["--drain-delay-s", "600"]);
    tier.terminate();
    eventually("it stops", || tier.log().contains("/ready says no"));
    tier.terminate();
    assert_eq!(tier.wait().code(), Some(1));
    assert!(tier.log().contains("told to stop a second time"), "{}", tier.log());
}

#[test]
fn options_come_from_the_environment() {
    let mut command = Command::new(CacheTier::program());
    command.env("SPILLWAY_CACHE_TIER_MAX_ENTRY_BYTES", "10").stdout(std::process::Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("invalid value '10' for '--max-entry-bytes <BYTES>'"), "{said}");
}

#[test]
fn what_it_cannot_have_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let said = refusal(&["--listen", &address.to_string()]);
    let expected = format!("cannot listen on {address}: choose another address than port {}", address.port());
    assert!(said.contains(&expected), "{said}");
    let said = refusal(&["--listen", "0.0.0.0:0"]);
    assert!(said.contains("--listen 0.0.0.0:0 is not loopback, so --token-file is needed"), "{said}");
    let said = refusal(&["--token-file", "/no/such/file"]);
    assert!(said.contains("--token-file /no/such/file cannot be read: No such file"), "{said}");
    let said = refusal(&["--encryption-key-file", "/no/such/file"]);
    assert!(said.contains("--encryption-key-file /no/such/file cannot be read"), "{said}");
    let said = refusal(&["--disk-dir", "/dev/null/x"]);
    assert!(said.contains("--disk-dir /dev/null/x cannot be made"), "{said}");
}

#[test]
fn a_folder_belongs_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let disk = ["--disk-dir", folder.path().to_str().unwrap()];
    let tier = CacheTier::start(&disk);
    assert!(refusal(&disk).contains("cannot be used: another cache tier uses it"));
    tier.store(&entry(1, 10));
    tier.stop();
}
