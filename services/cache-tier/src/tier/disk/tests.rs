use super::{Change, Disk, DiskConfig};
use crate::purge::{Mark, Scope};
use crate::tier::Backend;
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

const MIB: u64 = 1 << 20;

fn open(folder: &Path, max_bytes: u64) -> Disk {
    Disk::open(config(folder, max_bytes)).unwrap()
}

fn config(folder: &Path, max_bytes: u64) -> DiskConfig {
    DiskConfig { folder: folder.to_path_buf(), max_bytes, max_entry_bytes: 500_000 }
}

fn key(number: u64) -> [u8; 32] {
    // Spread as hashes are.
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key[8..16].copy_from_slice(&number.to_be_bytes());
    key
}

fn put(number: u64, size: usize) -> Change {
    let bytes = Bytes::from(vec![u8::try_from(number % 251).unwrap(); size]);
    Change::Put { key: key(number), bytes, ttl: Duration::from_secs(60) }
}

async fn has(disk: &Disk, number: u64) -> bool {
    disk.get(&key(number)).await.unwrap().is_some()
}

#[tokio::test]
async fn what_is_put_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let disk = open(folder.path(), 16 * MIB);
    disk.change(vec![put(1, 100), put(2, 10_000), put(3, 1), Change::Delete { key: key(3) }]).await.unwrap();
    disk.change(vec![put(1, 200)]).await.unwrap();
    drop(disk);
    let disk = open(folder.path(), 16 * MIB);
    assert_eq!(disk.get(&key(1)).await.unwrap().unwrap(), vec![1; 200]);
    assert_eq!(disk.get(&key(2)).await.unwrap().unwrap(), vec![2; 10_000]);
    assert!(!has(&disk, 3).await && !has(&disk, 4).await);
    assert_eq!(disk.usage().unwrap().1, 2);
}

#[tokio::test]
async fn the_file_stays_below_its_bound_whatever_the_sizes() {
    for sizes in
        [&[300][..], &[1_500], &[2_200, 3_900], &[4_200], &[20_000, 500], &[70_000], &[300_000, 1_000]]
    {
        let folder = tempfile::tempdir().unwrap();
        let disk = open(folder.path(), 32 * MIB);
        let (mut written, mut number, mut largest) = (0, 0, 0);
        let at_once = (disk.batching().bytes / sizes[0]).clamp(1, disk.batching().changes);
        while written < 50 * MIB && number < 60_000 {
            let batch = sizes.iter().cycle().take(at_once).map(|size| {
                (number, written) = (number + 1, written + u64::try_from(*size).unwrap());
                put(number, *size)
            });
            disk.change(batch.collect()).await.unwrap();
            largest = largest.max(disk.usage().unwrap().0);
        }
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        let kept = disk.usage().unwrap().1 * u64::try_from(mean).unwrap();
        assert!(largest <= 32 * MIB, "{sizes:?}: {} KiB", largest >> 10);
        assert!(kept > 5 * MIB, "{sizes:?}: of 32 MiB {} KiB are entries", kept >> 10);
        assert!(has(&disk, number).await && !has(&disk, 1).await, "{sizes:?}: the oldest goes first");
    }
}

#[tokio::test]
async fn a_bound_that_was_lowered_holds() {
    let folder = tempfile::tempdir().unwrap();
    let disk = open(folder.path(), 32 * MIB);
    disk.change((0..150).map(|number| put(number, 100_000)).collect()).await.unwrap();
    drop(disk);
    let disk = open(folder.path(), 8 * MIB);
    let (bytes, entries) = disk.usage().unwrap();
    assert!(entries < 60 && bytes <= 8 * MIB, "{entries} entries, {bytes} bytes");
    assert!(has(&disk, 149).await && !has(&disk, 0).await);
}

#[tokio::test]
async fn marks_are_kept_merged_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mark = |number, before_ms| Mark { scope: Scope::from_number(number), before_ms };
    let disk = open(folder.path(), 16 * MIB);
    disk.keep_marks(vec![mark(1, 100), mark(2, 200)], 0).await.unwrap();
    disk.keep_marks(vec![mark(2, 150), mark(3, 300)], 101).await.unwrap();
    drop(disk);
    let disk = open(folder.path(), 16 * MIB);
    assert_eq!(disk.marks().await.unwrap().unwrap(), [mark(2, 200), mark(3, 300)]);
    assert_eq!(disk.marks().await.unwrap(), None, "nobody else changes them");
}

#[tokio::test]
async fn a_folder_belongs_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let _disk = open(folder.path(), 16 * MIB);
    let error = format!("{:#}", Disk::open(config(folder.path(), 16 * MIB)).unwrap_err());
    assert!(error.ends_with("cannot be used: another cache tier uses it"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_damaged_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entries.redb");
    let whole = {
        let disk = open(folder.path(), 16 * MIB);
        disk.change((0..50).map(|number| put(number, 3_000)).collect()).await.unwrap();
        drop(disk);
        std::fs::read(&file).unwrap()
    };
    let spoilt = |change: fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        bytes
    };
    for (how, bytes) in [
        ("text", b"this is no database".repeat(1_000)),
        ("empty", Vec::new()),
        ("short", spoilt(|bytes| bytes.truncate(40_000))),
        ("head", spoilt(|bytes| bytes[..4096].fill(0x55))),
        ("zeros", spoilt(|bytes| bytes.fill(0))),
        ("body", spoilt(|bytes| bytes[4096..].fill(0xaa))),
        ("every page", spoilt(|bytes| bytes.iter_mut().step_by(512).for_each(|byte| *byte ^= 0xff))),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let disk = open(folder.path(), 16 * MIB);
        // The damage may be found only now. Then the file is begun anew at the next use.
        for number in 0..50 {
            let _ = disk.get(&key(number)).await;
        }
        for _ in 0..3 {
            let _ = disk.change(vec![put(100, 3_000)]).await;
        }
        assert!(has(&disk, 100).await, "{how}");
    }
}
