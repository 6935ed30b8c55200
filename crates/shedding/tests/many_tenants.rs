//! A million tenants, none of which comes twice: what is kept of them is bounded.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use spillway_primitives::{Timestamp, rng_from};
use spillway_shedding::budget::{Accounts, Charged, Quota, SETS, WAYS, set_of};
use spillway_shedding::level::Level;
use spillway_shedding::queue::{Bounds, Enqueued, Member, Queue, Waiter};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TENANTS: u64 = 1_000_000;
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Hashes, as tenants are.
fn tenant(number: u64) -> u64 {
    rng_from(&[number]).u64(..)
}

#[test]
fn accounts_of_a_million_tenants_take_a_bounded_space_and_the_rest_share_one_each() {
    let quota = Quota { requests_per_minute: Some(6), tokens_per_minute: Some(6_000) };
    let mut sets: Vec<Accounts> = (0..SETS).map(|_| Accounts::default()).collect();
    let mut charge = |number: u64, now: Timestamp| {
        let tenant = tenant(number);
        let accounts = sets.get_mut(usize::try_from(set_of(tenant)).unwrap()).unwrap();
        matches!(accounts.charge(tenant, 100, now, &quota, None), Charged::Within(_))
    };
    let granted = (0..TENANTS).filter(|number| charge(*number, NOW)).count() as u64;
    // Who has an account of its own is within; of all others in a set as many as one budget allows.
    assert_eq!(granted, SETS * (WAYS as u64 + 6));
    let second = NOW.plus(Duration::from_secs(61));
    let again = (0..TENANTS).filter(|number| charge(*number, second)).count() as u64;
    assert_eq!(again, granted, "who is idle has made room for others");
    let bytes: usize = sets.iter().map(|accounts| accounts.encode().unwrap().len()).sum();
    let most = usize::try_from(SETS).unwrap() * (WAYS + 1) * 40;
    assert!(bytes <= most, "{bytes} bytes, expected at most {most}");
}

#[test]
fn a_queue_keeps_nothing_of_tenants_that_are_gone() {
    let bounds = Bounds::default();
    let mut queue = Queue::default();
    let mut longest = 0;
    for number in 0..TENANTS / 10 {
        let now = NOW.plus(Duration::from_micros(number));
        let waiter = Waiter {
            member: Member { vm: 1, stream: u32::try_from(number).unwrap() },
            level: Level(1),
            tenant: u32::try_from(tenant(number) >> 32).unwrap(),
            deadline: now.plus(Duration::from_secs(30)),
        };
        // Two come for each one whose turn it is: most of the time the level is full.
        let comes = queue.enqueue(&waiter, None, now, false, &bounds);
        assert!(matches!(comes, Enqueued::Waits { preempted: None } | Enqueued::Refused(_)), "{comes:?}");
        if number % 2 == 0 {
            queue.take(now, Level(7), false, &bounds);
        }
        if number % 1_000 == 0 {
            longest = longest.max(queue.encode().unwrap().len());
        }
    }
    let most = bounds.of(Level(1)).max;
    assert_eq!(queue.len(), most);
    assert!(longest <= most * 48 + 128, "{longest} bytes for {most} that wait");
    while queue.take(NOW.plus(Duration::from_secs(1)), Level(7), false, &bounds).next.is_some() {}
    let empty = queue.encode().unwrap().len();
    assert!(empty <= 96, "{empty} bytes for nobody");
}
