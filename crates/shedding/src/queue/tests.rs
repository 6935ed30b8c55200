use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn bounds() -> Bounds {
    let level = |max| LevelBounds { max, starvation: None, newest_first_under_overload: false };
    Bounds { per_level: [level(4); MAX_LEVELS], total: 6 }
}

const WAITS: Enqueued = Enqueued::Waits { preempted: None };
const LOWEST: Level = Level(7);

/// A queue under test. Requests are numbers; deadlines are in ten seconds where nothing else is said.
#[derive(Default)]
struct Bench {
    queue: Queue,
    bounds: Option<Bounds>,
    overloaded: bool,
}

impl Bench {
    fn with(bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), ..Self::default() }
    }

    fn bounds(&self) -> Bounds {
        self.bounds.unwrap_or_else(bounds)
    }

    fn comes(&mut self, stream: u32, level: u8, tenant: u32, millis: u64) -> Enqueued {
        self.comes_with(stream, level, tenant, millis, 10_000, None)
    }

    fn comes_with(
        &mut self,
        stream: u32,
        level: u8,
        tenant: u32,
        millis: u64,
        within: u64,
        drain: Option<f64>,
    ) -> Enqueued {
        let member = Member { vm: 1, stream };
        let waiter = Waiter { member, level: Level(level), tenant, deadline: at(millis + within) };
        self.queue.enqueue(&waiter, drain, at(millis), self.overloaded, &self.bounds())
    }

    fn take(&mut self, millis: u64) -> Option<u32> {
        let taken = self.queue.take(at(millis), LOWEST, self.overloaded, &self.bounds());
        taken.next.map(|next| next.member.stream)
    }

    fn take_all(&mut self, millis: u64) -> Vec<u32> {
        std::iter::from_fn(|| self.take(millis)).collect()
    }
}

#[test]
fn levels_first_then_arrival() {
    let mut bench = Bench::default();
    for (stream, level) in [(1, 2), (2, 1), (3, 0), (4, 1), (5, 0)] {
        assert_eq!(bench.comes(stream, level, 1, 0), WAITS);
    }
    assert_eq!(bench.queue.lengths(), [2, 2, 1, 0, 0, 0, 0, 0]);
    assert_eq!(bench.take_all(0), [3, 5, 2, 4, 1]);
}

#[test]
fn a_tenant_with_one_request_is_not_behind_anothers_hundred() {
    let mut bench = Bench::with(Bounds::default());
    for stream in 0..100 {
        bench.comes(stream, 1, 1, 0);
    }
    bench.comes(200, 1, 2, 1);
    assert_eq!([bench.take(2), bench.take(2)], [Some(0), Some(200)]);
    // One that had nothing to wait for has not saved up turns.
    bench.comes(201, 1, 3, 3);
    bench.comes(202, 1, 3, 3);
    assert_eq!([1, 201, 2, 202, 3].map(Some), [0; 5].map(|_| bench.take(4)));
}

#[test]
fn who_would_be_too_late_is_refused_at_once() {
    let mut bench = Bench::default();
    // Ten a second: the third waits for 200 ms.
    for stream in 0..2 {
        assert_eq!(bench.comes_with(stream, 1, 1, 0, 250, Some(10.0)), WAITS);
    }
    assert_eq!(bench.comes_with(2, 1, 1, 0, 150, Some(10.0)), Enqueued::Refused(Reason::Deadline));
    assert_eq!(bench.comes_with(3, 1, 1, 0, 250, Some(10.0)), WAITS);
    assert_eq!(bench.comes_with(4, 0, 1, 0, 50, Some(10.0)), WAITS, "nobody is before it");
    assert_eq!(bench.comes_with(5, 0, 1, 0, 0, None), Enqueued::Refused(Reason::Deadline));
    assert_eq!(bench.comes_with(6, 2, 1, 0, 9_999, Some(0.0)), Enqueued::Refused(Reason::Deadline));
}

#[test]
fn overdue_ones_are_named_and_never_let_go() {
    let mut bench = Bench::default();
    bench.comes_with(1, 1, 1, 0, 100, None);
    bench.comes_with(2, 1, 1, 0, 300, None);
    let taken = bench.queue.take(at(200), LOWEST, false, &bounds());
    assert_eq!(taken.overdue, [Member { vm: 1, stream: 1 }]);
    let next = taken.next.unwrap();
    assert_eq!((next.member.stream, next.waited), (2, Duration::from_millis(200)));
    bench.comes(3, 1, 1, 5_000);
    assert_eq!(bench.queue.overdue(at(0)), [Member { vm: 1, stream: 3 }], "the clock stepped back");
}

#[test]
fn a_full_level_makes_room_for_a_tenant_with_a_shorter_line() {
    let mut bench = Bench::default();
    for stream in 0..4 {
        bench.comes(stream, 1, 1, 0);
    }
    assert_eq!(bench.comes(4, 1, 1, 0), Enqueued::Refused(Reason::QueueFull));
    let preempted = Some(Member { vm: 1, stream: 3 });
    assert_eq!(bench.comes(5, 1, 2, 0), Enqueued::Waits { preempted });
    assert_eq!(bench.take_all(0), [0, 5, 1, 2]);
}

#[test]
fn a_full_queue_makes_room_for_a_more_important_level() {
    let mut bench = Bench::default();
    for (stream, level) in [(1, 2), (2, 2), (3, 1), (4, 1), (5, 1), (6, 0)] {
        assert_eq!(bench.comes(stream, level, stream, 0), WAITS);
    }
    assert_eq!(bench.comes(7, 2, 7, 0), Enqueued::Refused(Reason::QueueFull));
    assert_eq!(bench.comes(8, 0, 8, 0), Enqueued::Waits { preempted: Some(Member { vm: 1, stream: 2 }) });
    assert_eq!(bench.comes(8, 0, 8, 0), WAITS, "it waits already");
    assert_eq!(bench.queue.len(), 6);
    let closed = Bounds { per_level: [LevelBounds { max: 0, ..bounds().of(Level(0)) }; 8], total: 6 };
    assert_eq!(Bench::with(closed).comes(1, 1, 1, 0), Enqueued::Refused(Reason::QueueFull));
}

#[test]
fn only_open_levels_are_let_go() {
    let mut bench = Bench::default();
    bench.comes(1, 2, 1, 0);
    assert_eq!(bench.queue.take(at(1), Level(1), false, &bounds()).next, None);
    bench.comes(2, 1, 1, 0);
    let next = bench.queue.take(at(1), Level(1), false, &bounds()).next;
    assert_eq!(next.map(|next| next.member.stream), Some(2));
}

#[test]
fn under_overload_a_level_may_serve_the_newest_first() {
    let mut bounds = bounds();
    bounds.per_level[1].newest_first_under_overload = true;
    let mut bench = Bench::with(bounds);
    (0..3).for_each(|stream| assert_eq!(bench.comes(stream, 1, 1, 0), WAITS));
    bench.overloaded = true;
    assert_eq!(bench.comes_with(9, 1, 1, 0, 50, Some(10.0)), WAITS, "nobody is before the newest");
    assert_eq!(bench.take(0), Some(9));
    bench.overloaded = false;
    assert_eq!(bench.take_all(0), [0, 1, 2]);
}

#[test]
fn one_in_ten_may_be_one_that_starves() {
    let mut bounds = Bounds::default();
    bounds.per_level[2].starvation = Some(Duration::from_millis(500));
    let mut bench = Bench::with(bounds);
    (100..103).for_each(|stream| assert_eq!(bench.comes(stream, 2, stream, 0), WAITS));
    (0..30).for_each(|stream| assert_eq!(bench.comes(stream, 0, 1, 600), WAITS));
    let order = bench.take_all(700);
    let starved: Vec<usize> =
        (100..103).map(|stream| order.iter().position(|one| *one == stream).unwrap()).collect();
    assert_eq!(starved, [9, 19, 29]);
    assert_eq!(order.len(), 33);
}

#[test]
fn those_that_leave() {
    let mut bench = Bench::default();
    (0..3).for_each(|stream| assert_eq!(bench.comes(stream, 1, 1, 0), WAITS));
    assert!(bench.queue.leave(Member { vm: 1, stream: 1 }));
    assert!(!bench.queue.leave(Member { vm: 2, stream: 0 }));
    assert_eq!(bench.queue.remove_vm(2), 0);
    assert_eq!(bench.queue.remove_vm(1), 2);
    assert!(bench.queue.is_empty());
}

#[test]
fn records() {
    let mut bench = Bench::default();
    (0..4).for_each(|stream| assert_eq!(bench.comes(stream, 1, 1, 0), WAITS));
    bench.take(0);
    let bytes = bench.queue.encode().unwrap();
    assert_eq!(Queue::decode(&bytes), Ok(bench.queue));
    assert_eq!(Queue::decode(&[]), Ok(Queue::default()));
    assert_eq!(Queue::decode(b"\x09"), Err(RecordError::Version { found: 9, expected: 1 }));
    assert_eq!(Queue::decode(&bytes[..9]), Err(RecordError::Damaged));
}
