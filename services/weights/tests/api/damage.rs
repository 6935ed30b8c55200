//! Whatever happens to bytes: no wrong weights are ever used, and what is right is not fetched again.

use crate::harness::{CHUNK, Machine, Store, weights};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

/// Changes a byte.
fn flip(path: &Path, at: usize) {
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at as u64).unwrap();
}

fn cut(path: &Path, length: usize) {
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    File::options().write(true).open(path).unwrap().set_len(length as u64).unwrap();
}

fn pulled(chunks: usize) -> (Store, Machine, Vec<u8>) {
    let (store, machine, bytes) = (Store::folder(), Machine::new(), weights(chunks, 1));
    store.publish("m", &bytes);
    machine.pull(&store, "m").is_from("store");
    (store, machine, bytes)
}

#[test]
fn of_a_file_on_disk_the_damaged_chunks_are_fetched_again() {
    let (store, machine, bytes) = pulled(7);
    for at in [0, 3 * CHUNK + 17, bytes.len() - 1] {
        flip(&machine.blob(), at);
        let again = machine.pull(&store, "m");
        assert_eq!(again.is_from("store").fetched(), 1, "{again:?}");
        assert!(again.log.contains("weights on disk are damaged"), "{}", again.log);
        machine.has_only(&bytes);
        machine.pull(&store, "m").is_from("disk");
    }
}

#[test]
fn a_file_on_disk_that_is_cut_is_completed() {
    let (store, machine, bytes) = pulled(7);
    for (length, missing) in [(bytes.len() - 1, 1), (2 * CHUNK, 5), (0, 7)] {
        cut(&machine.blob(), length);
        assert_eq!(machine.pull(&store, "m").is_from("store").fetched(), missing);
        machine.has_only(&bytes);
    }
}

#[test]
fn what_a_crash_has_left_is_compared_and_not_believed() {
    let (store, machine, bytes) = pulled(7);
    let blob = machine.blob();
    let part = blob.with_extension("part");
    fs::rename(&blob, &part).unwrap();
    flip(&part, 2 * CHUNK);
    flip(&part, 5 * CHUNK);
    assert_eq!(machine.pull(&store, "m").is_from("store").fetched(), 2);
    machine.has_only(&bytes);

    let noise = weights(3, 9);
    fs::remove_file(machine.blob()).unwrap();
    fs::write(&part, noise).unwrap();
    assert_eq!(machine.pull(&store, "m").is_from("store").fetched(), 7);
    machine.has_only(&bytes);
}

#[test]
fn a_store_that_is_damaged_is_told_and_nothing_wrong_is_kept() {
    let (store, machine, bytes) = (Store::folder(), Machine::new(), weights(7, 1));
    store.publish("m", &bytes);
    let pull = || machine.pull_with(&store, "m", &["--weights-attempts", "2"]);
    flip(&store.blob(), 4 * CHUNK);
    let failed = pull();
    failed.failed("chunk 4 of m, after 2 attempts: the store: bytes 262144 to 327680 of ");
    assert!(failed.log.contains(": expected ") && failed.log.contains(", got "), "{}", failed.log);
    assert!(machine.files("blobs").iter().all(|file| file.extension().is_some()), "only what is unfinished");

    flip(&store.blob(), 4 * CHUNK);
    let again = pull();
    assert!(again.is_from("store").fetched() < 7, "what was right was kept: {again:?}");
    machine.has_only(&bytes);
}

#[test]
fn a_file_that_is_cut_in_the_store_is_told() {
    let (store, machine) = (Store::folder(), Machine::new());
    store.publish("m", &weights(7, 1));
    cut(&store.blob(), 6 * CHUNK + 5);
    machine.pull_with(&store, "m", &["--weights-attempts", "1"]).failed("chunk 6 of m, after 1 attempts: ");
    fs::remove_file(store.blob()).unwrap();
    machine.pull(&store, "m").failed("the store has no file ");
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let (store, machine) = (Store::folder(), Machine::new());
    store.publish("m", &weights(3, 1));
    let path = store.manifest("m");
    let text = fs::read_to_string(&path).unwrap();
    let sha256 = text.split("\"sha256\":\"").nth(1).unwrap()[..64].to_owned();
    let other = "0".repeat(64);
    fs::write(&path, text.replacen(&sha256, &other, 1)).unwrap();
    let blob = store.blob();
    fs::rename(&blob, blob.with_file_name(&other)).unwrap();
    machine.pull(&store, "m").failed(&format!(
        "the manifest of m contradicts itself: its chunks make a file with the SHA-256 {sha256}, not {other}"
    ));
    assert_eq!(machine.files("blobs").len(), 0);

    fs::write(&path, "{}").unwrap();
    fs::remove_file(machine.pointer("m")).unwrap();
    machine.pull(&store, "m").failed("the manifest of m cannot be read: ");
}
