//! The access token.

use crate::harness::{CacheTier, entry, key};
use spillway_contract::cache::protocol::{Purge, entry_path, lease_path};
use std::path::PathBuf;

const TOKEN: &str = "0123456789abcdef-token";

fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let file = folder.path().join("token");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn without_it_nothing_is_told_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder, &format!("{TOKEN}\n"));
    let tier = CacheTier::start(&["--token-file", file.to_str().unwrap()]);
    let bytes = entry(1, 10).encode().unwrap();
    let (entry, lease, purge) = (entry_path(&key(1)), lease_path(&key(1)), Purge::Key(key(1)).path());
    let right = format!("Bearer {TOKEN}");
    let requests: [(&str, &str, &[u8], u16); 4] = [
        ("PUT", &entry, &bytes, 204),
        ("GET", &entry, b"", 200),
        ("DELETE", &purge, b"", 200),
        ("DELETE", &lease, b"", 400),
    ];
    for (method, path, body, expected) in requests {
        for wrong in [None, Some("Bearer 0123456789abcdef-tokem"), Some("Basic x"), Some(TOKEN)] {
            let headers: Vec<_> = wrong.iter().map(|value| ("authorization", *value)).collect();
            let reply = tier.request(method, path, &headers, body);
            assert_eq!(reply.error(), (401, "unauthorized".to_owned()), "{method} {wrong:?}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
        let reply = tier.request(method, path, &[("authorization", &right)], body);
        assert_eq!(reply.status, expected, "{method} {reply:?}");
    }
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(tier.get_path(path).status, 200, "{path} is for who watches it");
    }
}

#[test]
fn a_file_that_holds_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder, "short");
    let mut tier = CacheTier::launch(
        std::process::Command::new(CacheTier::program()),
        &["--token-file", file.to_str().unwrap()],
    );
    assert_eq!(tier.wait().code(), Some(1));
    assert!(tier.log().contains("token: the token is shorter than 16 characters"), "{}", tier.log());
    assert!(!tier.log().contains("short\n"), "{}", tier.log());
}
