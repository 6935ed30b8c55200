//! Entries to store.

use spillway_contract::cache::entry::Entry;
use std::time::{SystemTime, UNIX_EPOCH};

/// The key of that number, spread as hashes are.
pub(crate) fn key(number: u32) -> [u8; 32] {
    let mut key = [0x11; 32];
    key[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    key[28..].copy_from_slice(&number.to_be_bytes());
    key
}

/// An entry that is fresh for a minute and stale for another, whose body cannot be compressed.
pub(crate) fn entry(number: u32, body_bytes: usize) -> Entry {
    let mut body = Vec::with_capacity(body_bytes + 8);
    let mut state = u64::from(number) + 1;
    while body.len() < body_bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        body.extend((state >> 32).to_be_bytes()[4..].iter());
    }
    body.truncate(body_bytes);
    Entry {
        key: key(number),
        stored_at_ms: now_ms(),
        fresh_ms: 60_000,
        stale_ms: 60_000,
        status: 200,
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        tenant: Some([u8::try_from(number % 4).unwrap(); 32]),
        model: format!("model-{}", number % 2),
        revision: "r1".to_owned(),
        body,
        ..Entry::default()
    }
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
