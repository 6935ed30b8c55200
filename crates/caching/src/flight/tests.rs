use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn key(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

const fn stream(stream: u32) -> Member {
    Member { vm: 1, stream }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((1_700_000_000 + seconds) * 1_000)
}

fn limits() -> Limits {
    Limits { max_flights: 2, max_followers: 3, max_passes: 2, lasts: Duration::from_secs(10) }
}

const NOBODY: [u32; 0] = [];

/// A record under test, in which everything is of key 1 and level 1 where nothing else is said.
#[derive(Default)]
struct Bench {
    flights: Flights,
}

impl Bench {
    fn join(&mut self, member: u32, second: u64) -> Joined {
        self.join_as(member, 1, second)
    }

    fn join_as(&mut self, member: u32, level: u8, second: u64) -> Joined {
        self.flights.join(key(1), stream(member), level, at(second), &limits())
    }

    fn fail(&mut self, member: u32, second: u64) -> Option<u32> {
        self.flights.fail(key(1), stream(member), at(second), &limits()).map(|member| member.stream)
    }

    fn leave(&mut self, member: u32, second: u64) -> Option<u32> {
        self.flights.leave(key(1), stream(member), at(second), &limits()).map(|member| member.stream)
    }

    fn complete(&mut self, member: u32) -> Vec<u32> {
        self.flights.complete(key(1), stream(member)).iter().map(|member| member.stream).collect()
    }

    fn pass(&mut self, member: u32, until: u64) -> Vec<u32> {
        let released = self.flights.pass(key(1), stream(member), at(until), &limits());
        released.iter().map(|member| member.stream).collect()
    }
}

#[test]
fn one_computes_and_all_get_it() {
    let mut bench = Bench::default();
    assert_eq!(bench.join(1, 0), Joined::Lead);
    assert_eq!(bench.join(2, 1), Joined::Follow);
    assert_eq!(bench.join(3, 1), Joined::Follow);
    assert_eq!((bench.join(1, 1), bench.join(2, 1)), (Joined::Lead, Joined::Follow), "told again");
    assert_eq!(bench.complete(2), NOBODY, "a follower has nothing to complete");
    assert_eq!(bench.complete(1), [2, 3]);
    assert!(bench.flights.is_empty());
    assert_eq!(bench.complete(1), NOBODY);
    assert_eq!(bench.join(4, 2), Joined::Lead);
}

#[test]
fn when_the_leader_fails_the_next_one_leads_one_by_one() {
    let mut bench = Bench::default();
    bench.join_as(1, 0, 0);
    for (member, level) in [(2, 2), (3, 1), (4, 1)] {
        assert_eq!(bench.join_as(member, level, 0), Joined::Follow);
    }
    assert_eq!(bench.fail(2, 1), None, "a follower cannot fail");
    assert_eq!(bench.fail(1, 1), Some(3));
    assert_eq!(bench.fail(1, 1), None);
    assert_eq!(bench.leave(3, 2), Some(4), "who leaves while it leads makes way too");
    assert_eq!(bench.fail(4, 3), Some(2));
    assert_eq!(bench.fail(2, 4), None);
    assert!(bench.flights.is_empty());
}

#[test]
fn a_follower_may_leave() {
    let mut bench = Bench::default();
    bench.join(1, 0);
    bench.join(2, 0);
    bench.join(3, 0);
    assert_eq!(bench.leave(2, 1), None);
    assert_eq!(bench.leave(9, 1), None);
    assert_eq!(bench.complete(1), [3]);
}

#[test]
fn a_leader_that_is_lost_is_replaced_and_its_followers_stay() {
    let mut bench = Bench::default();
    bench.join(1, 0);
    assert_eq!(bench.join(2, 9), Joined::Follow);
    assert_eq!(bench.join(3, 10), Joined::Lead);
    assert_eq!(bench.join(4, 19), Joined::Follow);
    assert_eq!(bench.complete(1), [2, 4], "it was slow, not lost");
    assert_eq!(bench.complete(3), NOBODY);
}

#[test]
fn a_leader_that_is_lost_is_replaced_though_nobody_new_comes() {
    let mut bench = Bench::default();
    bench.join(1, 0);
    assert_eq!(bench.flights.overdue(at(9), &limits()), []);
    bench.join(2, 0);
    let promoted = Promoted { key: key(1), member: stream(2) };
    assert_eq!(bench.flights.overdue(at(10), &limits()), [promoted]);
    assert_eq!(bench.flights.overdue(at(19), &limits()), []);
    assert_eq!(bench.flights.overdue(at(20), &limits()), []);
    assert!(bench.flights.is_empty(), "nobody waits for it");
}

#[test]
fn a_follower_that_asks_again_when_the_time_is_over_leads() {
    let mut bench = Bench::default();
    bench.join(1, 0);
    bench.join(2, 0);
    bench.join(3, 0);
    assert_eq!(bench.join(2, 10), Joined::Lead);
    assert_eq!(bench.complete(2), [3]);
}

#[test]
fn a_clock_that_steps_back_does_not_keep_a_leader() {
    let mut bench = Bench::default();
    bench.join(1, 1_000);
    assert_eq!(bench.join(2, 995), Joined::Lead);
}

#[test]
fn who_is_more_important_does_not_wait() {
    let mut bench = Bench::default();
    bench.join_as(1, 2, 0);
    bench.join_as(2, 2, 0);
    assert_eq!(bench.join_as(3, 1, 1), Joined::Lead);
    assert_eq!(bench.join_as(4, 1, 1), Joined::Follow);
    assert_eq!(bench.fail(1, 2), None, "it leads no longer");
    assert_eq!(bench.complete(3), [2, 4]);

    bench.join_as(1, 2, 0);
    bench.join_as(2, 1, 0);
    assert_eq!(bench.fail(2, 1), None, "the first one still computes");
    assert_eq!(bench.join_as(3, 2, 1), Joined::Follow);
    assert_eq!(bench.complete(1), [3]);
}

#[test]
fn what_cannot_be_kept_is_passed_for_a_while() {
    let mut bench = Bench::default();
    bench.join(1, 0);
    bench.join(2, 0);
    assert_eq!(bench.pass(2, 60), NOBODY, "a follower knows nothing");
    assert_eq!(bench.pass(1, 60), [2]);
    assert_eq!(bench.join(3, 59), Joined::Alone(Alone::Passing));
    assert_eq!(bench.pass(3, 90), NOBODY, "and one that was alone may say so again");
    assert_eq!(bench.join(3, 89), Joined::Alone(Alone::Passing));
    assert_eq!(bench.join(3, 90), Joined::Lead);
}

#[test]
fn a_vm_goes_with_all_of_its_requests() {
    let mut flights = Flights::default();
    let member = |vm, stream| Member { vm, stream };
    for (vm, stream) in [(1, 1), (2, 1), (1, 2), (3, 1)] {
        flights.join(key(1), member(vm, stream), 1, at(0), &limits());
    }
    flights.join(key(2), member(1, 3), 1, at(0), &limits());
    let promoted = Promoted { key: key(1), member: member(2, 1) };
    assert_eq!(flights.gone(1, at(1), &limits()), [promoted]);
    assert_eq!(flights.gone(1, at(1), &limits()), []);
    assert_eq!(flights.complete(key(1), member(2, 1)), [member(3, 1)]);
    assert!(flights.is_empty());
}

#[test]
fn limits_hold() {
    let mut bench = Bench::default();
    let join = |bench: &mut Bench, number, member, second| {
        bench.flights.join(key(number), stream(member), 1, at(second), &limits())
    };
    assert_eq!(join(&mut bench, 1, 1, 0), Joined::Lead);
    for member in 2..5 {
        assert_eq!(join(&mut bench, 1, member, 0), Joined::Follow);
    }
    assert_eq!(join(&mut bench, 1, 5, 0), Joined::Alone(Alone::TooManyFollowers));
    assert_eq!(join(&mut bench, 2, 6, 0), Joined::Lead);
    assert_eq!(join(&mut bench, 3, 7, 0), Joined::Alone(Alone::TooManyFlights));
    assert_eq!(
        join(&mut bench, 3, 7, 10),
        Joined::Lead,
        "nobody waits for the second one, and it is overdue"
    );
    for number in 10..20 {
        bench.flights.pass(key(number), stream(9), at(100 + u64::from(number)), &limits());
    }
    assert_eq!(join(&mut bench, 18, 8, 19), Joined::Alone(Alone::Passing));
    assert_eq!(join(&mut bench, 17, 8, 19), Joined::Alone(Alone::TooManyFlights));
}

#[test]
fn records() {
    let mut bench = Bench::default();
    bench.join(1, 0);
    bench.join(2, 0);
    let bytes = bench.flights.encode().unwrap();
    assert_eq!(Flights::decode(&bytes), Ok(bench.flights));
    assert_eq!(Flights::decode(&[]), Ok(Flights::default()));
    assert_eq!(Flights::decode(b"\x09"), Err(RecordError::Version { found: 9, expected: 1 }));
    assert_eq!(Flights::decode(&bytes[..9]), Err(RecordError::Damaged));
}
