//! Nothing that is said in confidence is logged, counted or repeated in an error.

use crate::harness::{CacheTier, TierReply, entry, key};
use spillway_contract::cache::entry::Entry;
use spillway_contract::cache::key::to_hex;
use spillway_contract::cache::protocol::{Lookup, Purge, entry_path};
use spillway_fixtures::{ObjectStore, RedisServer};

const MARKER: &str = "MARKER-0815-4711";

#[test]
fn bodies_tenants_tokens_and_keys_stay_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (token, disk) = (folder.path().join("token"), folder.path().join("disk"));
    std::fs::write(&token, MARKER).unwrap();
    let (token, disk) = (token.to_str().unwrap(), disk.to_str().unwrap());
    let (redis, store) = (RedisServer::start(&[]), ObjectStore::start());
    let (url, options) = (redis.url(), store.options(store.address()));
    let mut arguments =
        vec!["--token-file", token, "--disk-dir", disk, "--redis-url", &url, "--log", "trace"];
    arguments.extend(options.iter().map(String::as_str));
    let tier = CacheTier::start(&arguments);
    let right = format!("Bearer {MARKER}");
    let send = |method: &str, path: &str, body: &[u8]| {
        tier.request(method, path, &[("authorization", &right)], body)
    };
    let secret = Entry {
        body: MARKER.repeat(10).into_bytes(),
        headers: vec![("etag".to_owned(), MARKER.into())],
        tenant: Some([0xab; 32]),
        model: MARKER.to_owned(),
        ..entry(1, 0)
    };
    let path = entry_path(&key(1));
    let bytes = secret.encode().unwrap();
    assert_eq!(send("PUT", &path, &bytes).status, 204);
    tier.wait_until_written();
    assert_eq!(send("GET", &path, b"").status, 200);
    let lease =
        send("GET", &Lookup { lease_ms: Some(1_000), ..Lookup::default() }.path(&key(2)), b"").granted();
    let mut damaged = bytes.clone();
    damaged[200] ^= 1;
    for (method, path, body) in [
        ("PUT", path.as_str(), damaged.as_slice()),
        ("PUT", &entry_path(&key(3)), &bytes),
        ("GET", &format!("{path}?{MARKER}=1"), b""),
        ("GET", &format!("/v1/entries/{MARKER}"), b""),
        ("GET", &format!("/{MARKER}"), b""),
        ("DELETE", &format!("/v1/entries?tenant={MARKER}"), b""),
        ("DELETE", &format!("/v1/entries?model={MARKER}&x={MARKER}"), b""),
    ] {
        let reply = send(method, path, body);
        assert!(reply.status >= 400, "{reply:?}");
        assert!(!reply.text().contains(MARKER), "{reply:?}");
    }
    assert_eq!(send("DELETE", &Purge::Tenant([0xab; 32]).path(), b"").status, 200);
    // Tiers that fail say so, and what they say holds names as well.
    drop((redis, store));
    (10..30).for_each(|number| assert_eq!(send("GET", &entry_path(&key(number)), b"").status, 404));
    assert_eq!(send("DELETE", &Purge::Tenant([0xab; 32]).path(), b"").status, 202);
    let metrics = tier.get_path("/metrics").text();
    let log = tier.log();
    assert!(log.contains("purged"), "the log holds something: {log}");
    assert!(log.contains("the circuit opens"), "{log}");
    for secret in [MARKER, ObjectStore::SECRET, &to_hex(&key(1)), &to_hex(&key(10)), &"ab".repeat(32), &lease]
    {
        assert!(!log.contains(secret) && !metrics.contains(secret), "{secret}");
    }
}
