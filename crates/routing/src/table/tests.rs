use super::*;
use crate::membership::{Member, Standing};
use proptest::prelude::*;
use spillway_primitives::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TWO: Bounds = Bounds { max_endpoints: 2 };

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn members(addresses: &[&str]) -> Vec<Member> {
    addresses.iter().copied().map(Member::serving).collect()
}

fn apply(table: &mut Table, addresses: &[&str], seconds: u64) -> Applied {
    table.apply(&members(addresses), at(seconds), TWO, |_| true)
}

fn labels(table: &Table) -> Vec<String> {
    (0..table.places.len()).map(|number| table.label(number).unwrap()).collect()
}

#[test]
fn first_come_are_labelled_by_address_later_ones_by_number() {
    let mut table = Table::default();
    let applied = apply(&mut table, &["a:1", "b:1", "c:1", "d:1", "e:1"], 0);
    assert_eq!(labels(&table), ["a_1", "b_1", "slot_2", "slot_3"]);
    assert_eq!(applied, Applied { changed: true, fresh: vec![0, 1, 2, 3], refused: 1 });
}

#[test]
fn an_address_label_never_comes_to_mean_another_endpoint() {
    let mut table = Table::default();
    apply(&mut table, &["a:1", "b:1", "c:1", "d:1"], 0);
    apply(&mut table, &[], 10);
    let applied = apply(&mut table, &["x:1", "y:1", "z:1"], 100);
    assert_eq!(labels(&table), ["a_1", "b_1", "slot_2", "slot_3"]);
    assert_eq!(table.find("x:1"), Some(2));
    assert_eq!(applied.refused, 1, "only the numbered places are handed on");
    apply(&mut table, &["a:1"], 101);
    assert_eq!(table.places[0].presence, Presence::Serving);
}

#[test]
fn a_place_is_handed_on_only_when_long_gone_and_idle() {
    let mut table = Table::default();
    apply(&mut table, &["a:1", "b:1", "c:1", "d:1"], 0);
    apply(&mut table, &["d:1"], 5);
    assert_eq!(table.claim("n:1", at(14), TWO, |_| true), Err(TableFull), "gone for 9 s");
    assert_eq!(table.claim("n:1", at(15), TWO, |_| false), Err(TableFull), "still in flight");
    assert_eq!(table.claim("n:1", at(15), TWO, |_| true), Ok(2));
}

#[test]
fn the_same_membership_changes_nothing() {
    let mut table = Table::default();
    apply(&mut table, &["a:1", "b:1"], 0);
    assert_eq!(apply(&mut table, &["b:1", "a:1"], 1), Applied::default());
    let drained = Member { standing: Standing::Draining, ..Member::serving("a:1") };
    assert!(table.apply(&[drained], at(2), TWO, |_| true).changed);
    assert_eq!(table.places[0].presence, Presence::Draining);
    assert_eq!(table.places[1].presence, Presence::Gone { since: 2 });
}

#[test]
fn it_serves_since_it_began_to() {
    let mut table = Table::default();
    let standing = |standing| [Member { standing, ..Member::serving("a:1") }];
    for (second, standing_then, since) in [
        (10, Standing::Serving, 10),
        (11, Standing::Serving, 10),
        (12, Standing::Unhealthy, 10),
        (13, Standing::Serving, 13),
        (14, Standing::Serving, 13),
    ] {
        table.apply(&standing(standing_then), at(second), TWO, |_| true);
        assert_eq!(table.places[0].since, at(since), "at {second}");
    }
}

#[test]
fn who_was_only_seen_stays_until_named() {
    let mut table = Table::default();
    assert_eq!(table.claim("a:1", at(0), TWO, |_| true), Ok(0));
    assert_eq!(table.claim("a:1", at(0), TWO, |_| true), Ok(0));
    apply(&mut table, &[], 1);
    assert_eq!(table.places[0].presence, Presence::Seen);
}

#[test]
fn bytes_of_another_release_are_refused() {
    let table = Table { pool: "inference".into(), places: vec![] };
    let mut bytes = table.encode().unwrap();
    assert_eq!(Table::decode(&bytes), Ok(table));
    assert_eq!(Table::decode(&[]), Ok(Table::default()));
    assert_eq!(Table::decode(&bytes[..3]), Err(spillway_contract::record::RecordError::Damaged));
    bytes[0] = 9;
    let error = Table::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "a record of version 9, expected 2");
}

proptest! {
    #[test]
    fn places_stay_bounded_and_distinct(rounds in proptest::collection::vec(proptest::collection::btree_set(0u16..60, 0..12), 1..40)) {
        let bounds = Bounds { max_endpoints: 8 };
        let mut table = Table::default();
        let mut first_labels: Vec<String> = Vec::new();
        for (round, names) in rounds.iter().enumerate() {
            let round_members: Vec<_> = names.iter().map(|n| Member::serving(format!("10.0.0.{n}:80"))).collect();
            table.apply(&round_members, at(round as u64 * 20), bounds, |_| true);
            prop_assert!(table.places.len() <= 16);
            let mut addresses: Vec<_> = table.places.iter().map(|place| &place.address).collect();
            addresses.sort();
            addresses.dedup();
            prop_assert_eq!(addresses.len(), table.places.len());
            let labels = labels(&table);
            prop_assert!(labels.starts_with(&first_labels), "a label changed");
            first_labels = labels;
        }
        let bytes = table.encode().unwrap();
        prop_assert_eq!(Table::decode(&bytes), Ok(table));
    }
}
