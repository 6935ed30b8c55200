use super::{Mark, MarkLimits, Marks, Scope, Scopes};
use proptest::prelude::*;
use spillway_contract::cache::entry::EntryRef;
use spillway_contract::cache::protocol::Purge;
use std::time::Duration;

const NOW: u64 = 1_700_000_000_000;

fn marks_of(max_marks: usize) -> Marks {
    Marks::new(MarkLimits { skew: Duration::from_secs(2), retention: Duration::from_secs(100), max_marks })
}

fn scopes(tenant: u8, model: &str, revision: &str) -> Scopes {
    Scopes::of(&EntryRef { tenant: Some([tenant; 32]), model, revision, key: [9; 32], ..EntryRef::default() })
}

#[test]
fn each_purge_is_of_its_scope() {
    let own = scopes(1, "m", "r");
    let revision = |model: &str, revision: &str| Purge::Revision {
        model: model.to_owned(),
        revision: revision.to_owned(),
    };
    for (purge, hits) in [
        (Purge::Tenant([1; 32]), true),
        (Purge::Tenant([2; 32]), false),
        (Purge::Model("m".to_owned()), true),
        (Purge::Model("mr".to_owned()), false),
        (revision("m", "r"), true),
        (revision("m", ""), false),
        (revision("", "mr"), false),
        (Purge::Key([9; 32]), true),
        (Purge::Key([1; 32]), false),
    ] {
        let marks = marks_of(10);
        let stamp = marks.stamp(&own, NOW, None).unwrap();
        marks.purge(Scope::of(&purge), NOW + 5);
        assert_eq!(marks.allow(&own, stamp), !hits, "{purge:?}");
    }
    let everyone = Scopes::of(&EntryRef::default());
    assert!(!everyone.contains(Scope::of(&Purge::Tenant([0; 32]))), "no tenant is not the tenant of zeros");
}

#[test]
fn what_is_stored_after_a_purge_survives_it() {
    let (marks, own) = (marks_of(10), scopes(1, "m", "r"));
    let purge = Scope::of(&Purge::Model("m".to_owned()));
    let mut stamp = marks.stamp(&own, NOW, None).unwrap();
    for _ in 0..5 {
        // All in the same millisecond.
        marks.purge(purge, NOW);
        assert!(!marks.allow(&own, stamp));
        stamp = marks.stamp(&own, NOW, None).unwrap();
        assert!(marks.allow(&own, stamp));
    }
}

#[test]
fn clocks_of_two_may_differ() {
    let (here, there, own) = (marks_of(10), marks_of(10), scopes(1, "m", "r"));
    let ahead = there.stamp(&own, NOW + 1_900, None).unwrap();
    let mark = here.purge(Scope::of(&Purge::Tenant([1; 32])), NOW);
    assert!(there.learn(mark) && !there.learn(mark));
    assert!(!there.allow(&own, ahead) && !here.allow(&own, ahead));
    let after = there.stamp(&own, NOW + 1_950, None).unwrap();
    assert!(there.allow(&own, after) && here.allow(&own, after));
}

#[test]
fn a_clock_that_steps_back_lets_nothing_survive() {
    let (marks, own) = (marks_of(10), scopes(1, "m", "r"));
    let stamp = marks.stamp(&own, NOW + 60_000, None).unwrap();
    marks.purge(Scope::of(&Purge::Key([9; 32])), NOW);
    assert!(!marks.allow(&own, stamp));
}

#[test]
fn an_answer_that_was_purged_while_it_was_computed_is_known() {
    let (marks, own) = (marks_of(10), scopes(1, "m", "r"));
    let began = marks.epoch();
    marks.purge(Scope::of(&Purge::Model("other".to_owned())), NOW);
    assert!(marks.stamp(&own, NOW, Some(began)).is_some());
    marks.purge(Scope::of(&Purge::Model("m".to_owned())), NOW);
    assert_eq!(marks.stamp(&own, NOW + 60_000, Some(began)), None);
    assert!(marks.stamp(&own, NOW, Some(marks.epoch())).is_some());
}

#[test]
fn marks_are_forgotten_with_the_entries_that_they_could_be_about() {
    let (marks, own) = (marks_of(10), scopes(1, "m", "r"));
    let stamp = marks.stamp(&own, NOW, None).unwrap();
    let mark = marks.purge(Scope::of(&Purge::Key([9; 32])), NOW);
    marks.prune(mark.before_ms + 100_000);
    assert!(!marks.allow(&own, stamp));
    marks.prune(mark.before_ms + 100_001);
    assert_eq!(marks.count(), 0);
}

#[test]
fn what_somebody_else_does_not_have_is_found() {
    let marks = marks_of(10);
    let of = |tenant| Scope::of(&Purge::Tenant([tenant; 32]));
    let (first, second) = (marks.purge(of(1), NOW), marks.purge(of(2), NOW));
    let older = Mark { before_ms: second.before_ms - 1, ..second };
    assert_eq!(marks.missing_from(&[first, second], NOW), []);
    assert_eq!(marks.missing_from(&[first, older], NOW), [second]);
    assert_eq!(marks.missing_from(&[], NOW).len(), 2);
    assert_eq!(marks.missing_from(&[], NOW + 60_000), [], "about to be forgotten");
}

#[test]
fn too_many_marks_become_one_on_everything() {
    let marks = marks_of(100);
    let first = scopes(0, "m", "r");
    let stamp = marks.stamp(&first, NOW, None).unwrap();
    for number in 0..=255 {
        marks.purge(Scope::of(&Purge::Tenant([number; 32])), NOW + u64::from(number));
    }
    assert!(marks.count() <= 100);
    assert!(!marks.allow(&first, stamp), "its mark is gone, the one on everything holds");
    assert!(marks.allow(&first, marks.stamp(&first, NOW, None).unwrap()));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Store { tenant: u8, by: bool },
    Purge { tenant: u8, by: bool },
    Exchange,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let what = prop_oneof![
        (0..4_u8, any::<bool>()).prop_map(|(tenant, by)| Step::Store { tenant, by }),
        (0..4_u8, any::<bool>()).prop_map(|(tenant, by)| Step::Purge { tenant, by }),
        Just(Step::Exchange),
    ];
    (0..500_u64, what)
}

proptest! {
    /// Two cache tiers with clocks 1.5 s apart: a hit was always stored after the last purge of its tenant.
    #[test]
    fn never_a_hit_from_before_a_purge(steps in proptest::collection::vec(step(), 1..60), max_marks in 2..20_usize) {
        let both = [marks_of(max_marks), marks_of(max_marks)];
        let clock = |by: bool, now: u64| if by { now + 1_500 } else { now };
        let (mut now, mut entries, mut purged, mut sent) = (NOW, Vec::new(), [0; 4], Vec::<Mark>::new());
        for (number, (passed, step)) in steps.into_iter().enumerate() {
            now += passed;
            match step {
                Step::Store { tenant, by } => {
                    let own = scopes(tenant, "m", "r");
                    let stamp = both[usize::from(by)].stamp(&own, clock(by, now), None).unwrap();
                    entries.push((number, tenant, stamp));
                }
                Step::Purge { tenant, by } => {
                    let scope = Scope::of(&Purge::Tenant([tenant; 32]));
                    sent.push(both[usize::from(by)].purge(scope, clock(by, now)));
                    purged[usize::from(tenant)] = number;
                }
                Step::Exchange => {}
            }
            // Who is asked knows all marks: a tier is read only with those that it keeps.
            for marks in &both {
                sent.iter().for_each(|mark| { marks.learn(*mark); });
                for (stored, tenant, stamp) in &entries {
                    let allowed = marks.allow(&scopes(*tenant, "m", "r"), *stamp);
                    prop_assert!(!allowed || *stored >= purged[usize::from(*tenant)], "{stored} of {tenant}");
                }
            }
        }
    }
}
