use super::{Asked, LeaseLimits, Leases, Place, Told};
use crate::purge::{MarkLimits, Marks};
use crate::stored::Stored;
use spillway_contract::cache::entry::Entry;
use spillway_contract::cache::protocol::LeaseToken;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, advance, timeout};

const KEY: [u8; 32] = [1; 32];
const LEASE: Duration = Duration::from_secs(10);

fn leases() -> Arc<Leases> {
    let marks = MarkLimits { skew: Duration::ZERO, retention: LEASE, max_marks: 10 };
    Leases::new(LeaseLimits { max_leases: 3, max_waiting: 2 }, Arc::new(Marks::new(marks)))
}

#[track_caller]
fn granted(asked: Asked) -> LeaseToken {
    match asked {
        Asked::Granted(token) => token,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn in_line(leases: &Arc<Leases>) -> Place {
    match leases.ask(KEY, LEASE, true) {
        Asked::InLine(place) => place,
        other => panic!("{other:?}"),
    }
}

async fn told(place: Place) -> Option<Told> {
    place.wait(Instant::now() + Duration::from_secs(60)).await
}

fn entry() -> Arc<Stored> {
    let bytes = Entry { key: KEY, ..Entry::default() }.encode().unwrap();
    Arc::new(Stored::read(bytes.into(), 1).unwrap())
}

#[tokio::test(start_paused = true)]
async fn one_is_granted_and_those_in_line_get_the_entry() {
    let leases = leases();
    let token = granted(leases.ask(KEY, LEASE, false));
    assert!(matches!(leases.ask(KEY, LEASE, false), Asked::Taken));
    let places = [in_line(&leases), in_line(&leases)];
    assert!(matches!(leases.ask(KEY, LEASE, true), Asked::Taken), "the line is full");
    assert_eq!(leases.held(&KEY, token).map(|held| held.epoch), Some(0));
    assert_eq!(leases.finish(&KEY, &entry()), 2);
    for place in places {
        assert!(matches!(told(place).await, Some(Told::Entry(_))));
    }
    assert_eq!((leases.count(), leases.waiting()), (0, 0));
    assert_eq!(leases.held(&KEY, token), None);
}

#[tokio::test(start_paused = true)]
async fn a_lease_given_back_goes_to_the_first_in_line() {
    let leases = leases();
    let token = granted(leases.ask(KEY, LEASE, false));
    let (first, second) = (in_line(&leases), in_line(&leases));
    assert!(!leases.give_back(&KEY, LeaseToken::new([0; 16])), "only its owner gives it back");
    assert!(leases.give_back(&KEY, token));
    let Some(Told::Granted(next)) = told(first).await else { panic!("not granted") };
    assert!(timeout(Duration::from_secs(5), told(second)).await.is_err(), "the second still waits");
    assert!(leases.give_back(&KEY, next));
    assert_eq!(leases.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_gone_loses_it_in_time() {
    let leases = leases();
    let token = granted(leases.ask(KEY, LEASE, false));
    let start = Instant::now();
    let (first, second) = (in_line(&leases), in_line(&leases));
    let (first, second) = tokio::join!(told(first), told(second));
    assert!(matches!((first, second), (Some(Told::Granted(_)), Some(Told::Granted(_)))));
    assert_eq!(start.elapsed().as_secs(), 20, "one after the other");
    assert_eq!(leases.held(&KEY, token), None);
    advance(LEASE).await;
    granted(leases.ask(KEY, LEASE, false));
    assert_eq!(leases.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_line_is_passed_over() {
    let leases = leases();
    let token = granted(leases.ask(KEY, LEASE, false));
    let (first, second) = (in_line(&leases), in_line(&leases));
    drop(first);
    assert_eq!(leases.waiting(), 1);
    leases.give_back(&KEY, token);
    assert!(matches!(told(second).await, Some(Told::Granted(_))));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_came_to_one_who_left_is_passed_on() {
    let leases = leases();
    let token = granted(leases.ask(KEY, LEASE, false));
    let (first, second) = (in_line(&leases), in_line(&leases));
    leases.give_back(&KEY, token);
    drop(first);
    assert!(matches!(told(second).await, Some(Told::Granted(_))));
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_an_end() {
    let leases = leases();
    granted(leases.ask(KEY, LEASE, false));
    let place = in_line(&leases);
    assert!(place.wait(Instant::now() + Duration::from_secs(1)).await.is_none());
    assert_eq!(leases.waiting(), 0);
    let place = in_line(&leases);
    leases.dismiss();
    assert!(told(place).await.is_none(), "the cache tier stops");
}

#[tokio::test(start_paused = true)]
async fn leases_are_bounded_and_forgotten() {
    let leases = leases();
    for number in 2..5 {
        granted(leases.ask([number; 32], LEASE, false));
    }
    assert!(matches!(leases.ask(KEY, LEASE, false), Asked::Full));
    advance(LEASE).await;
    leases.sweep();
    assert_eq!(leases.count(), 0);
    granted(leases.ask(KEY, LEASE, false));
}
