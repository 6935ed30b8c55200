//! What holds whatever comes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spillway_primitives::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Bounds, Entry, Prefix, bytes, find, insert, len, remove, touch};

#[derive(Clone, Debug)]
enum Step {
    Put { number: u8, size: u32, lasts: u64 },
    Use { number: u8 },
    Remove { number: u8 },
    Wait { seconds: i64 },
    Rebound { ways: u16, bytes: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0u8..40;
    prop_oneof![
        10 => (number(), 0u32..60, 0u64..100).prop_map(|(number, size, lasts)| Step::Put { number, size, lasts }),
        10 => number().prop_map(|number| Step::Use { number }),
        1 => number().prop_map(|number| Step::Remove { number }),
        2 => (-5i64..20).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0u16..20, 0u64..400).prop_map(|(ways, bytes)| Step::Rebound { ways, bytes }),
    ]
}

const fn prefix(number: u8) -> Prefix {
    [number; 16]
}

/// The ways of all entries, by their number.
fn ways(record: &[u8]) -> BTreeMap<u8, u16> {
    (0..40).filter_map(|number| Some((number, find(record, &prefix(number))?.way))).collect()
}

proptest! {
    #[test]
    fn bounds_hold_and_no_way_is_given_twice(steps in proptest::collection::vec(step(), 0..200)) {
        let mut record = Vec::new();
        let mut bounds = Bounds { ways: 8, bytes: 200 };
        let mut now = Timestamp::from_millis(1_700_000_000_000);
        for step in steps {
            let before = ways(&record);
            match step {
                Step::Wait { seconds } => {
                    now = Timestamp::from_millis(now.as_millis().saturating_add_signed(seconds * 1_000));
                }
                Step::Rebound { ways, bytes } => bounds = Bounds { ways, bytes },
                Step::Use { number } => {
                    if let Some(touched) = touch(&record, &prefix(number)) {
                        let [old, new] = [&record, &touched].map(|record| find(record, &prefix(number)).unwrap());
                        prop_assert_eq!(new.frequency, old.frequency + 1);
                        record = touched;
                    }
                    prop_assert_eq!(ways(&record), before);
                }
                Step::Remove { number } => {
                    prop_assert_eq!(remove(&mut record, &prefix(number)), before.get(&number).copied());
                    prop_assert_eq!(find(&record, &prefix(number)), None);
                }
                Step::Put { number, size, lasts } => {
                    let expires_at = Timestamp::from_millis(now.as_millis() + lasts * 1_000);
                    let entry = Entry { prefix: prefix(number), size, expires_at };
                    let Ok(inserted) = insert(&mut record, entry, now, bounds) else {
                        prop_assert_eq!(ways(&record), before);
                        prop_assert!(u64::from(size) > bounds.bytes || bounds.ways == 0 || lasts == 0);
                        continue;
                    };
                    let after = ways(&record);
                    prop_assert_eq!(after.get(&number), Some(&inserted.way));
                    prop_assert!(len(&record) <= usize::from(bounds.ways));
                    prop_assert!(bytes(&record) <= bounds.bytes);
                    let mut used: Vec<u16> = after.values().copied().collect();
                    used.sort_unstable();
                    used.dedup();
                    prop_assert_eq!(used.len(), after.len(), "a way was given twice");
                    prop_assert!(used.iter().all(|way| *way < bounds.ways));
                    // Every body that was there is still where it was, or is named, or is written over.
                    for (other, way) in before {
                        let gone = inserted.evicted.contains(&way) || inserted.way == way;
                        prop_assert!(after.get(&other) == Some(&way) || gone, "{other} has vanished");
                    }
                    prop_assert!(inserted.evicted.iter().all(|way| !used.contains(way)));
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_taken(
        mut record in proptest::collection::vec(any::<u8>(), 0..300), items in 0u16..8, ghosts in 0u16..4, fits: bool,
    ) {
        if fits {
            record.resize(5 + usize::from(items) * 27 + usize::from(ghosts) * 4, 7);
            record[0] = 1;
            record[1..3].copy_from_slice(&items.to_le_bytes());
            record[3..5].copy_from_slice(&ghosts.to_le_bytes());
        }
        let number = record.get(6).copied().unwrap_or_default();
        let now = Timestamp::from_millis(1_700_000_000_000);
        let bounds = Bounds { ways: 4, bytes: 50 };
        let found = find(&record, &prefix(number)).is_some();
        prop_assert!(found || touch(&record, &prefix(number)).is_none());
        prop_assert!(found || remove(&mut record.clone(), &prefix(number)).is_none());
        let entry = Entry { prefix: prefix(number), size: 9, expires_at: Timestamp::from_nanos(u64::MAX) };
        let inserted = insert(&mut record, entry, now, bounds).unwrap();
        prop_assert!(inserted.way < 4 && len(&record) <= 4 && bytes(&record) <= 50);
    }
}
