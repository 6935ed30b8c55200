//! Purging.

use crate::harness::{CacheTier, entry, key};
use serde_json::json;
use spillway_contract::cache::protocol::Purge;

/// Entries 0 to 7, of tenants 0 to 3 and models 0 and 1.
fn stored(arguments: &[&str]) -> CacheTier {
    let tier = CacheTier::start(arguments);
    (0..8).for_each(|number| tier.store(&entry(number, 100)));
    tier
}

fn there(tier: &CacheTier) -> Vec<u32> {
    (0..8).filter(|number| tier.get(&key(*number)).status == 200).collect()
}

#[test]
fn each_scope() {
    let revision =
        |revision: &str| Purge::Revision { model: "model-1".to_owned(), revision: revision.to_owned() };
    for (purge, purged, left) in [
        (Purge::Tenant([1; 32]), 2, vec![0, 2, 3, 4, 6, 7]),
        (Purge::Tenant([9; 32]), 0, vec![0, 1, 2, 3, 4, 5, 6, 7]),
        (Purge::Model("model-1".to_owned()), 4, vec![0, 2, 4, 6]),
        (revision("r1"), 4, vec![0, 2, 4, 6]),
        (revision("r2"), 0, vec![0, 1, 2, 3, 4, 5, 6, 7]),
        (Purge::Key(key(5)), 1, vec![0, 1, 2, 3, 4, 6, 7]),
    ] {
        let tier = stored(&[]);
        let reply = tier.purge(&purge);
        assert_eq!((reply.status, reply.json()), (200, json!({"purged_from_memory": purged, "pending": []})));
        assert_eq!(there(&tier), left, "{purge:?}");
        tier.store(&entry(5, 10));
        assert_eq!(tier.get(&key(5)).status, 200, "{purge:?}: what is stored after it is served");
    }
}

#[test]
fn it_holds_on_disk_and_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let disk = ["--disk-dir", folder.path().to_str().unwrap()];
    let tier = stored(&disk);
    tier.wait_until_written();
    assert_eq!(tier.purge(&Purge::Tenant([1; 32])).status, 200);
    assert_eq!(tier.purge(&Purge::Key(key(2))).status, 200);
    // What is answered is kept: the crash comes right after it.
    tier.kill();
    let tier = CacheTier::start(&disk);
    assert_eq!(there(&tier), [0, 3, 4, 6, 7]);
}

#[test]
fn a_mistake_purges_nothing() {
    let tier = stored(&[]);
    for (query, message) in [
        ("", "expected one of tenant, model, model with revision, and key"),
        ("?modle=model-1", "the query has a name that is not known"),
        ("?tenant=acme", "tenant: expected 64 hex digits"),
        ("?model=model-1&tenant=x", "expected one of tenant, model, model with revision, and key"),
    ] {
        let reply = tier.request("DELETE", &format!("/v1/entries{query}"), &[], b"");
        assert_eq!((reply.error(), reply.message()), ((400, "invalid_query".to_owned()), message.to_owned()));
    }
    assert_eq!(there(&tier).len(), 8);
}
