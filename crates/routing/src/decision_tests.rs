use proptest::prelude::*;
use spillway_primitives::rng_from;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::known::Report;
use crate::snapshot::Eligible;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// An endpoint of the tables: its zone (0 is the local one), in flight, slots (0: not known).
type Row = (u16, u64, u32);

fn known(zone: u16, slots: u32) -> Known {
    let report = Report { at: NOW, slots, elsewhere: 0, kv_cache_permille: 0 };
    Known { zone, is_local: zone == 0, report: (slots > 0).then_some(report), ..Known::default() }
}

fn snapshot(rows: &[(Known, u64)], ring: bool) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let eligible = rows.iter().zip(0..).map(|((known, in_flight), place)| Eligible {
        place,
        known: Known { key: u64::from(place) + 1, ..*known },
        in_flight: *in_flight,
    });
    snapshot.look(eligible, NOW, Duration::from_secs(5), ring);
    snapshot
}

fn rows(rows: &[Row]) -> Vec<(Known, u64)> {
    rows.iter().map(|(zone, in_flight, slots)| (known(*zone, *slots), *in_flight)).collect()
}

/// Decides many times; how often each place was first, in thousandths, and the last decision.
fn firsts(rows: &[(Known, u64)], policy: &Policy, affinity: Option<u64>) -> (Vec<u32>, Decision) {
    let snapshot = snapshot(rows, affinity.is_some());
    let mut rng = rng_from(&[7]);
    let mut firsts = vec![0; rows.len()];
    let mut last = None;
    for _ in 0..1000 {
        let live = |place: u32| Live { in_flight: rows[place as usize].1, ..Live::default() };
        let decision = decide(&snapshot, policy, affinity, NOW, &mut rng, live).unwrap();
        firsts[decision.order.first().unwrap() as usize] += 1;
        last = Some(decision);
    }
    (firsts, last.unwrap())
}

#[track_caller]
fn elsewhere(endpoints: &[Row], expected: std::ops::RangeInclusive<u32>) {
    let (firsts, _) = firsts(&rows(endpoints), &Policy::default(), None);
    let away: u32 = firsts.iter().zip(endpoints).filter(|(_, row)| row.0 != 0).map(|(count, _)| count).sum();
    assert!(expected.contains(&away), "{away} of 1000 go elsewhere, expected {expected:?}: {firsts:?}");
}

#[test]
fn a_zone_spills_over_as_its_free_capacity_falls() {
    elsewhere(&[(0, 6, 8), (0, 6, 8), (1, 0, 8), (1, 0, 8)], 0..=0);
    elsewhere(&[(0, 7, 8), (0, 7, 8), (1, 0, 8), (1, 0, 8)], 900..=1000);
    elsewhere(&[(0, 8, 8), (0, 8, 8), (1, 2, 8), (1, 2, 8)], 990..=1000);
    elsewhere(&[(0, 8, 8), (0, 8, 8), (1, 8, 8), (1, 8, 8)], 400..=600);
}

#[test]
fn a_zone_that_is_gone_is_no_reason_to_refuse() {
    elsewhere(&[(1, 3, 8), (2, 3, 8)], 1000..=1000);
}

#[test]
fn where_slots_are_not_known_another_zone_is_worth_half() {
    elsewhere(&[(0, 2, 0), (1, 2, 0)], 0..=20);
    elsewhere(&[(0, 5, 0), (1, 2, 0)], 400..=600);
    elsewhere(&[(0, 9, 0), (1, 1, 0)], 980..=1000);
}

#[test]
fn a_retry_leaves_the_zone() {
    let zones = |order: Few| order.as_slice().iter().map(|place| place / 3).collect::<Vec<_>>();
    let (_, decision) =
        firsts(&rows(&[(0, 1, 8), (0, 1, 8), (0, 1, 8), (1, 1, 8), (1, 1, 8)]), &Policy::default(), None);
    assert_eq!(zones(decision.order), [0, 1, 0]);
    let (_, decision) =
        firsts(&rows(&[(1, 0, 8), (1, 0, 8), (1, 0, 8), (0, 8, 8)]), &Policy::default(), None);
    assert_eq!(zones(decision.order), [0, 1, 0], "also from elsewhere back home");
}

#[test]
fn requests_of_other_envoys_count() {
    let busy = Report { at: NOW, slots: 8, elsewhere: 6, kv_cache_permille: 0 };
    let idle = Report { elsewhere: 0, ..busy };
    let endpoints = [busy, idle].map(|report| (Known { report: Some(report), ..known(0, 8) }, 1));
    let (firsts, _) = firsts(&endpoints, &Policy::default(), None);
    assert!(firsts[1] > 990, "{firsts:?}");
}

#[test]
fn twice_the_slots_get_twice_as_much_in_flight() {
    let (firsts, _) = firsts(&rows(&[(0, 3, 8), (0, 7, 16)]), &Policy::default(), None);
    assert!((450..=550).contains(&firsts[0]), "{firsts:?}");
}

#[test]
fn a_new_endpoint_warms_up() {
    let new = Known { since: NOW, ..known(0, 0) };
    let (cold, _) = firsts(&[(new, 0), (known(0, 0), 3)], &Policy::default(), None);
    assert!(cold[0] < 20, "{cold:?}");
    let warm = Known { since: Timestamp::from_millis(NOW.as_millis() - 10_000), ..new };
    let (warm, _) = firsts(&[(warm, 0), (known(0, 0), 3)], &Policy::default(), None);
    assert!(warm[0] > 990, "{warm:?}");
}

#[test]
fn a_hash_has_its_home_until_that_is_overloaded() {
    let idle = rows(&[(0, 2, 8), (0, 2, 8), (0, 2, 8), (0, 2, 8)]);
    let (at_home, decision) = firsts(&idle, &Policy::default(), Some(99));
    assert_eq!(decision.reason, Reason::Affinity);
    let home = at_home.iter().position(|count| *count == 1000).unwrap();
    let mut busy = idle;
    busy[home].1 = 6;
    let (moved, decision) = firsts(&busy, &Policy::default(), Some(99));
    assert_eq!(decision.reason, Reason::Affinity, "the next on the ring");
    assert_eq!(moved[home], 0);
    assert!(moved.contains(&1000), "{moved:?}");
}

#[test]
fn who_is_isolated_for_the_model_is_passed_over_even_when_all_that_were_sampled_are() {
    let endpoints = rows(&[(0, 1, 8); 30]);
    let snapshot = snapshot(&endpoints, true);
    for seed in 0..50 {
        for affinity in [None, Some(seed)] {
            let live = |place| Live { isolated: place != 17, ..Live::default() };
            let decided = decide(&snapshot, &Policy::default(), affinity, NOW, &mut rng_from(&[seed]), live);
            assert_eq!(decided.unwrap().order.as_slice(), [17]);
        }
    }
    let all = |_| Live { isolated: true, ..Live::default() };
    assert_eq!(decide(&snapshot, &Policy::default(), Some(1), NOW, &mut rng_from(&[1]), all), None);
}

#[test]
fn nobody_to_choose_is_no_decision() {
    let live = |_| Live::default();
    assert_eq!(
        decide(&Snapshot::default(), &Policy::default(), Some(1), NOW, &mut rng_from(&[1]), live),
        None
    );
}

proptest! {
    #[test]
    fn an_order_names_eligible_endpoints_once_each(
        endpoints in proptest::collection::vec((0u16..3, 0u64..40, 0u32..20), 1..60),
        attempts in 1usize..=8, candidates in 1usize..=8, affinity: Option<u64>, seed: u64,
    ) {
        let endpoints = rows(&endpoints);
        let snapshot = snapshot(&endpoints, true);
        let policy = Policy { attempts, candidates, ..Policy::default() };
        let mut asked = 0;
        let live = |place: u32| {
            asked += 1;
            Live { in_flight: endpoints[place as usize].1, ..Live::default() }
        };
        let decision = decide(&snapshot, &policy, affinity, NOW, &mut rng_from(&[seed]), live).unwrap();
        let mut places = decision.order.as_slice().to_vec();
        prop_assert!(!places.is_empty() && places.len() <= attempts);
        prop_assert_eq!(asked, decision.looked_at);
        prop_assert!(asked <= 2 * candidates + MAX_CANDIDATES, "whatever the size of the pool");
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(places.len(), decision.order.as_slice().len());
        let zones: std::collections::BTreeSet<u16> = endpoints.iter().map(|(known, _)| known.zone).collect();
        if let [first, second, ..] = decision.order.as_slice()
            && zones.len() > 1 && zones.contains(&0) && affinity.is_none()
        {
            prop_assert_ne!(endpoints[*first as usize].0.zone, endpoints[*second as usize].0.zone);
        }
    }
}
