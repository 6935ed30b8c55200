//! The disk tier: restarts, crashes, damage, bounds.

use crate::harness::{CacheTier, TierReply, entry, key};
use spillway_contract::cache::entry::{Entry, EntryRef};
use spillway_contract::cache::protocol::Tier;
use spillway_fixtures::eventually;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Writes that were made.
const PUT: &str = "spillway_cache_tier_operations_total{tier=\"disk\",operation=\"put\",outcome=\"ok\"}";

/// A folder, and the arguments for a disk tier in it.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self, more: &[&str]) -> CacheTier {
        CacheTier::start(&[&["--disk-dir", self.path().to_str().unwrap()], more].concat())
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("entries.redb")
    }
}

#[test]
fn a_restart_keeps_entries() {
    let disk = Disk::new();
    let tier = disk.start(&[]);
    (0..20).for_each(|number| tier.store(&entry(number, 5_000)));
    tier.stop();
    let tier = disk.start(&[]);
    for number in 0..20 {
        let reply = tier.get(&key(number));
        assert_eq!((reply.status, reply.tier()), (200, Some(Tier::Disk)));
        assert_eq!(tier.get(&key(number)).tier(), Some(Tier::Memory), "it goes up");
    }
    assert_eq!(tier.metric("spillway_cache_tier_entries{tier=\"disk\"}"), 20.0);
}

#[test]
fn a_crash_loses_what_was_in_the_queue_and_nothing_else() {
    let disk = Disk::new();
    for round in 0..6_u32 {
        let tier = disk.start(&[]);
        let numbers = round * 100..round * 100 + 100;
        numbers.clone().take(50).for_each(|number| tier.store(&entry(number, 3_000)));
        tier.wait_until_written();
        numbers.clone().skip(50).for_each(|number| tier.store(&entry(number, 3_000)));
        // In the middle of writing.
        tier.kill();
        let tier = disk.start(&[]);
        assert_eq!(tier.log().matches("begun anew").count(), 0, "{}", tier.log());
        for number in 0..round * 100 + 50 {
            if number % 100 < 50 {
                assert_eq!(tier.get(&key(number)).status, 200, "{number} was written before crash {round}");
            }
        }
        for number in numbers.skip(50) {
            let reply = tier.get(&key(number));
            if reply.status == 200 {
                assert_eq!(EntryRef::decode(&reply.body).unwrap().body, entry(number, 3_000).body);
            }
        }
        let damaged = tier.get_path("/metrics").text().contains("unreadable_entries_total{");
        assert!(!damaged, "nothing is damaged");
        tier.stop();
    }
}

#[test]
fn a_damaged_file_is_begun_anew() {
    for (how, spoil) in [
        ("cut", (|bytes| bytes.truncate(bytes.len() / 2)) as fn(&mut Vec<u8>)),
        ("zeros", |bytes| bytes.fill(0)),
        ("noise", |bytes| bytes.iter_mut().step_by(100).for_each(|byte| *byte ^= 0x5a)),
    ] {
        let disk = Disk::new();
        let tier = disk.start(&[]);
        (0..20).for_each(|number| tier.store(&entry(number, 5_000)));
        tier.stop();
        let mut bytes = fs::read(disk.file()).unwrap();
        spoil(&mut bytes);
        fs::write(disk.file(), bytes).unwrap();
        let tier = disk.start(&["--memory-ttl-s", "1", "--circuit-open-ms", "50"]);
        for number in 0..20 {
            let reply = tier.get(&key(number));
            assert!(matches!(reply.status, 200 | 404), "{how}: {reply:?}");
            if reply.status == 200 {
                assert_eq!(EntryRef::decode(&reply.body).unwrap().body, entry(number, 5_000).body, "{how}");
            }
        }
        eventually("it is written to again", || {
            tier.store(&entry(100, 5_000));
            tier.metric(
                "spillway_cache_tier_operations_total{tier=\"disk\",operation=\"put\",outcome=\"ok\"}",
            ) > 0.0
        });
        tier.stop();
        assert_eq!(disk.start(&[]).get(&key(100)).status, 200, "{how}");
    }
}

#[test]
fn a_damaged_entry_is_a_miss_and_is_deleted() {
    let disk = Disk::new();
    let tier = disk.start(&[]);
    (0..10).for_each(|number| tier.store(&entry(number, 9_000)));
    tier.stop();
    // Somewhere in the body of entry 3.
    let part = entry(3, 9_000).body[4_000..4_040].to_vec();
    let mut bytes = fs::read(disk.file()).unwrap();
    let places: Vec<_> = (0..bytes.len() - 40).filter(|place| bytes[*place..*place + 40] == part).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|place| bytes[*place + 7] ^= 1);
    fs::write(disk.file(), bytes).unwrap();
    let tier = disk.start(&[]);
    assert_eq!(tier.get(&key(3)).status, 404);
    let name = "spillway_cache_tier_unreadable_entries_total{tier=\"disk\",reason=\"envelope\"}";
    assert_eq!(tier.metric(name), 1.0);
    assert!(tier.log().contains("reason=\"envelope\""), "{}", tier.log());
    eventually("it is deleted", || tier.metric("spillway_cache_tier_entries{tier=\"disk\"}") == 9.0);
    assert_eq!(tier.get(&key(4)).status, 200);
}

#[test]
fn its_bound_holds() {
    let disk = Disk::new();
    let small = ["--disk-max-bytes", "16777216", "--max-entry-bytes", "200000"];
    let tier = disk.start(&small);
    for number in 0..400 {
        tier.store(&entry(number, 100_000));
        assert!(tier.metric("spillway_cache_tier_bytes{tier=\"disk\"}") <= 16_777_216.0);
    }
    tier.stop();
    let tier = disk.start(&small);
    assert_eq!(tier.get(&key(399)).tier(), Some(Tier::Disk));
    assert_eq!(tier.get(&key(0)).status, 404, "the oldest went");
}

#[test]
fn a_disk_that_takes_no_more_is_a_tier_that_fails() {
    let disk = Disk::new();
    // Files of at most 16 MiB (32768 times 512 bytes): writing beyond fails, as on a disk that is full.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 32768; exec \"$0\" \"$@\"", CacheTier::program()]);
    let folder = disk.path().to_str().unwrap();
    let mut tier = CacheTier::launch(
        command,
        &["--disk-dir", folder, "--disk-max-bytes", "67108864", "--circuit-open-ms", "50"],
    );
    tier.wait_for_address();
    for number in 0..300 {
        tier.store(&entry(number, 100_000));
        assert_eq!(tier.get(&key(number)).status, 200);
    }
    eventually("it fails", || {
        let text = tier.get_path("/metrics").text();
        text.contains("writes_dropped_total{tier=\"disk\",reason=\"full\"}")
    });
    eventually("older entries give way, and it is written to again", || {
        let before = tier.metric(PUT);
        tier.store(&entry(500, 100_000));
        tier.wait_until_written();
        tier.metric(PUT) > before
    });
    tier.stop();
    let tier = disk.start(&[]);
    assert_eq!(tier.get(&key(500)).tier(), Some(Tier::Disk));
    assert!(tier.metric("spillway_cache_tier_entries{tier=\"disk\"}") > 10.0, "{}", tier.log());
}

#[test]
fn an_entry_lives_no_longer_on_disk_than_it_may() {
    let disk = Disk::new();
    let tier = disk.start(&["--disk-ttl-s", "1", "--memory-ttl-s", "1"]);
    tier.store(&entry(1, 100));
    tier.store(&Entry { fresh_ms: 300, stale_ms: 0, ..entry(2, 100) });
    tier.wait_until_written();
    eventually("the times are over", || tier.get(&key(1)).status == 404 && tier.get(&key(2)).status == 404);
    eventually("they are deleted", || tier.metric("spillway_cache_tier_entries{tier=\"disk\"}") == 0.0);
}

#[test]
fn what_is_on_disk_is_encrypted_if_that_is_asked_for() {
    let disk = Disk::new();
    let keys = disk.path().join("keys");
    let option = ["--encryption-key-file", keys.to_str().unwrap()];
    let (old, new) = ("11".repeat(32), "22".repeat(32));
    let marked = Entry { body: b"MARKER-0815".repeat(3), ..entry(1, 0) };
    fs::write(&keys, &old).unwrap();
    let tier = disk.start(&option);
    tier.store(&marked);
    tier.stop();
    let bytes = fs::read(disk.file()).unwrap();
    assert!(!bytes.windows(11).any(|part| part == b"MARKER-0815"));
    fs::write(&keys, format!("{new}\n{old}\n")).unwrap();
    let tier = disk.start(&option);
    assert_eq!(tier.get(&key(1)).status, 200, "the older key still opens it");
    tier.stop();
    fs::write(&keys, &new).unwrap();
    let tier = disk.start(&option);
    assert_eq!(tier.get(&key(1)).status, 404);
    let name = "spillway_cache_tier_unreadable_entries_total{tier=\"disk\",reason=\"unknown_key\"}";
    assert_eq!(tier.metric(name), 1.0);
    tier.stop();
    assert_eq!(disk.start(&[]).get(&key(1)).status, 404, "without a key");
}
