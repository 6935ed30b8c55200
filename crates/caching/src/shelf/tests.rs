use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((1_700_000_000 + seconds) * 1_000)
}

const fn prefix(number: u8) -> Prefix {
    [number; 16]
}

/// A set of ten ways and a hundred bytes, in which entries have numbers and live for a minute.
#[derive(Default)]
struct Shelf {
    record: Vec<u8>,
}

const BOUNDS: Bounds = Bounds { ways: 10, bytes: 100 };

impl Shelf {
    fn put(&mut self, number: u8, size: u32, second: u64) -> Result<Inserted, Refused> {
        let entry = Entry { prefix: prefix(number), size, expires_at: at(second + 60) };
        insert(&mut self.record, entry, at(second), BOUNDS)
    }

    #[track_caller]
    fn put_small(&mut self, number: u8) -> Inserted {
        self.put(number, 1, 0).unwrap()
    }

    fn has(&self, number: u8) -> bool {
        find(&self.record, &prefix(number)).is_some()
    }

    fn use_it(&mut self, number: u8, times: usize) {
        for _ in 0..times {
            self.record = touch(&self.record, &prefix(number)).unwrap_or(self.record.clone());
        }
    }
}

#[test]
fn what_is_put_is_found() {
    let mut shelf = Shelf::default();
    assert_eq!(shelf.put(1, 30, 0), Ok(Inserted { way: 0, evicted: vec![] }));
    assert_eq!(shelf.put(2, 40, 1), Ok(Inserted { way: 1, evicted: vec![] }));
    let found = Found { way: 1, frequency: 0, expires_at: at(61) };
    assert_eq!(find(&shelf.record, &prefix(2)), Some(found));
    assert_eq!(find(&shelf.record, &prefix(3)), None);
    assert_eq!((len(&shelf.record), bytes(&shelf.record)), (2, 70));
    assert_eq!(remove(&mut shelf.record, &prefix(1)), Some(0));
    assert_eq!(remove(&mut shelf.record, &prefix(1)), None);
    assert_eq!((len(&shelf.record), bytes(&shelf.record)), (1, 40));
    assert_eq!(shelf.put(3, 1, 1).unwrap().way, 0, "the lowest way that is free");
}

#[test]
fn a_time_within_a_second_never_lasts_longer() {
    let mut shelf = Shelf::default();
    let expires_at = at(5).plus(Duration::from_millis(999));
    insert(&mut shelf.record, Entry { prefix: prefix(1), size: 1, expires_at }, at(0), BOUNDS).unwrap();
    assert_eq!(find(&shelf.record, &prefix(1)).unwrap().expires_at, at(5));
}

#[test]
fn the_fourth_use_writes_nothing() {
    let mut shelf = Shelf::default();
    shelf.put_small(1);
    for frequency in 1..=3 {
        shelf.record = touch(&shelf.record, &prefix(1)).unwrap();
        assert_eq!(find(&shelf.record, &prefix(1)).unwrap().frequency, frequency);
    }
    assert_eq!(touch(&shelf.record, &prefix(1)), None);
    assert_eq!(touch(&shelf.record, &prefix(2)), None);
}

#[test]
fn what_is_put_again_is_written_over() {
    let mut shelf = Shelf::default();
    shelf.put(1, 50, 0).unwrap();
    shelf.put(2, 40, 0).unwrap();
    shelf.use_it(1, 1);
    assert_eq!(shelf.put(1, 60, 10), Ok(Inserted { way: 0, evicted: vec![] }));
    assert_eq!(find(&shelf.record, &prefix(1)), Some(Found { way: 0, frequency: 1, expires_at: at(70) }));
    assert_eq!(shelf.put(1, 70, 10), Ok(Inserted { way: 0, evicted: vec![1] }), "there is no room for both");
}

#[test]
fn what_expired_goes_first() {
    let mut shelf = Shelf::default();
    for number in 0..9 {
        shelf.put(number, 1, u64::from(number)).unwrap();
    }
    shelf.put(9, 1, 60).unwrap();
    assert!(!shelf.has(0) && shelf.has(1));
    let inserted = shelf.put(10, 1, 63).unwrap();
    assert_eq!(inserted, Inserted { way: 1, evicted: vec![2, 3] });
    assert_eq!(len(&shelf.record), 7);
}

#[test]
fn a_scan_goes_by_what_is_in_use() {
    let mut shelf = Shelf::default();
    for number in 0..10 {
        shelf.put_small(number);
        shelf.use_it(number, 2);
    }
    for number in 20..120 {
        shelf.put_small(number);
    }
    let stay = (0..10).filter(|number| shelf.has(*number)).count();
    assert_eq!(stay, 9, "a scan has the small queue and nothing else");
    assert!(shelf.has(119));
}

#[test]
fn who_comes_back_soon_comes_to_stay() {
    let mut shelf = Shelf::default();
    for number in 0..11 {
        shelf.put_small(number);
    }
    assert!(!shelf.has(0));
    shelf.put_small(0);
    for number in 20..40 {
        shelf.put_small(number);
    }
    assert!(shelf.has(0), "it was known from before");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changes() {
    let mut shelf = Shelf::default();
    shelf.put_small(1);
    let before = shelf.record.clone();
    assert_eq!(shelf.put(2, 101, 0), Err(Refused::TooLarge));
    let entry = Entry { prefix: prefix(2), size: 1, expires_at: at(0) };
    assert_eq!(insert(&mut shelf.record, entry, at(0), BOUNDS), Err(Refused::Expired));
    let none = Bounds { ways: 0, bytes: 100 };
    let entry = Entry { expires_at: at(9), ..entry };
    assert_eq!(insert(&mut shelf.record, entry, at(0), none), Err(Refused::NoWays));
    assert_eq!(shelf.record, before);
    assert_eq!(shelf.put(2, 100, 0), Ok(Inserted { way: 0, evicted: vec![] }));
}

#[test]
fn fewer_ways_and_bytes_than_before() {
    let mut shelf = Shelf::default();
    for number in 0..10 {
        shelf.put(number, 10, 0).unwrap();
    }
    let bounds = Bounds { ways: 4, bytes: 25 };
    let entry = Entry { prefix: prefix(20), size: 5, expires_at: at(9) };
    let inserted = insert(&mut shelf.record, entry, at(0), bounds).unwrap();
    assert_eq!(inserted.way, 0);
    assert_eq!(inserted.evicted, [4, 5, 6, 7, 8, 9, 1]);
    assert_eq!((len(&shelf.record), bytes(&shelf.record)), (3, 25));
}

#[test]
fn foreign_records_count_as_empty() {
    let mut shelf = Shelf::default();
    shelf.put_small(1);
    let good = shelf.record.clone();
    let mut other_release = good.clone();
    other_release[0] = 9;
    let mut twice = good.clone();
    twice[1] = 2;
    twice.extend(&good[5..]);
    for bad in [&b""[..], b"\x01", &good[..good.len() - 1], &[&good[..], b"\0"].concat(), &other_release] {
        assert_eq!((find(bad, &prefix(1)), len(bad), touch(bad, &prefix(1))), (None, 0, None), "{bad:?}");
        let mut record = bad.to_vec();
        assert_eq!(remove(&mut record, &prefix(1)), None);
        assert_eq!(record, bad);
    }
    let entry = Entry { prefix: prefix(2), size: 1, expires_at: at(9) };
    assert_eq!(insert(&mut twice, entry, at(0), BOUNDS), Ok(Inserted { way: 0, evicted: vec![] }));
    assert_eq!(len(&twice), 1);
}

#[test]
fn a_record_is_a_kilobyte() {
    let mut record = Vec::new();
    let bounds = Bounds { ways: 32, bytes: 1 << 20 };
    for number in 0..200 {
        let entry = Entry { prefix: prefix(number), size: 1, expires_at: at(9) };
        insert(&mut record, entry, at(0), bounds).unwrap();
    }
    assert_eq!(record.len(), 5 + 32 * 27 + 32 * 4);
}
