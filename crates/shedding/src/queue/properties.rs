//! What holds whatever happens, in whatever order.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// One thing that happens. `who` is one of the requests that have come so far.
#[derive(Clone, Copy, Debug)]
enum Step {
    Comes { vm: u64, level: u8, tenant: u32, within: u64, drain: u8 },
    Take { open: u8, overloaded: bool },
    Leaves { who: usize },
    VmIsGone { vm: u64 },
    Overdue,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let comes = (0u64..3, 0u8..4, 0u32..5, 0u64..2_000, 0u8..50)
        .prop_map(|(vm, level, tenant, within, drain)| Step::Comes { vm, level, tenant, within, drain });
    let what = prop_oneof![
        12 => comes,
        8 => (0u8..4, any::<bool>()).prop_map(|(open, overloaded)| Step::Take { open, overloaded }),
        2 => (0usize..1_000).prop_map(|who| Step::Leaves { who }),
        1 => (0u64..3).prop_map(|vm| Step::VmIsGone { vm }),
        1 => Just(Step::Overdue),
    ];
    let time = prop_oneof![20 => 0i64..200, 1 => -3_000i64..0];
    proptest::collection::vec((time, what), 1..250)
}

fn bounds() -> Bounds {
    let level = |max, starvation: Option<u64>, newest_first_under_overload| LevelBounds {
        max,
        starvation: starvation.map(Duration::from_millis),
        newest_first_under_overload,
    };
    let mut per_level = [level(0, None, false); MAX_LEVELS];
    per_level[..3].copy_from_slice(&[
        level(6, None, false),
        level(5, None, true),
        level(4, Some(300), false),
    ]);
    Bounds { per_level, total: 12 }
}

#[derive(Default)]
struct World {
    queue: Queue,
    came: Vec<Member>,
    /// Those that wait, with level and tenant.
    waiting: BTreeMap<Member, (Level, u32)>,
    since_starved: u32,
}

impl World {
    fn gone(&mut self, member: Member) -> (Level, u32) {
        self.waiting.remove(&member).expect("named without waiting, or twice")
    }

    fn takes(&mut self, now: Timestamp, open: Level, overloaded: bool) {
        let taken = self.queue.take(now, open, overloaded, &bounds());
        for member in taken.overdue {
            self.gone(member);
        }
        let Some(next) = taken.next else {
            assert!(self.waiting.values().all(|(level, _)| *level > open), "an open level was kept waiting");
            return;
        };
        let (level, tenant) = self.gone(next.member);
        assert_eq!(level, next.level);
        let best = self.waiting.values().map(|(level, _)| *level).min();
        if level > open || best.is_some_and(|best| best < level) {
            assert!(level == Level(2) && next.waited >= Duration::from_millis(300), "it was not its turn");
            assert!(self.since_starved >= 9, "starving ones are at most one in ten");
            self.since_starved = 0;
            return;
        }
        self.since_starved += 1;
        // Nobody of the same tenant and level has been there for longer.
        if !(overloaded && level == Level(1)) {
            let others = self.waiting.iter().filter(|(_, of)| **of == (level, tenant));
            let at = |member: &Member| self.came.iter().position(|other| other == member);
            let mut others = others.map(|(member, _)| at(member));
            assert!(
                others.all(|other| other > at(&next.member)) || next.waited >= Duration::from_millis(300)
            );
        }
    }

    fn step(&mut self, step: Step, now: Timestamp) {
        match step {
            Step::Comes { vm, level, tenant, within, drain } => {
                let member = Member { vm, stream: self.came.len() as u32 };
                self.came.push(member);
                let deadline = now.plus(Duration::from_millis(within));
                let waiter = Waiter { member, level: Level(level), tenant, deadline };
                let drain = (drain > 0).then(|| f64::from(drain));
                match self.queue.enqueue(&waiter, drain, now, false, &bounds()) {
                    Enqueued::Waits { preempted } => {
                        if let Some(preempted) = preempted {
                            let (of, _) = self.gone(preempted);
                            assert!(of >= Level(level), "a more important one was preempted");
                        }
                        self.waiting.insert(member, (Level(level), tenant));
                    }
                    Enqueued::Refused(reason) => {
                        assert!(matches!(reason, Reason::QueueFull | Reason::Deadline));
                    }
                }
            }
            Step::Take { open, overloaded } => self.takes(now, Level(open), overloaded),
            Step::Leaves { who } => {
                let Some(member) = self.came.get(who % self.came.len().max(1)).copied() else { return };
                assert_eq!(self.queue.leave(member), self.waiting.remove(&member).is_some());
            }
            Step::VmIsGone { vm } => {
                let before = self.waiting.len();
                self.waiting.retain(|member, _| member.vm != vm);
                assert_eq!(self.queue.remove_vm(vm), before - self.waiting.len());
            }
            Step::Overdue => {
                for member in self.queue.overdue(now) {
                    self.gone(member);
                }
            }
        }
    }

    fn agrees(&self) {
        let mut lengths = [0; MAX_LEVELS];
        self.waiting.values().for_each(|(level, _)| lengths[level.index()] += 1);
        assert_eq!(self.queue.lengths(), lengths, "somebody is lost or there twice");
        assert!(
            self.queue.len() <= 12
                && lengths[0] <= 6
                && lengths[1] <= 5
                && lengths[2] <= 4
                && lengths[3] == 0
        );
        let bytes = self.queue.encode().unwrap();
        assert!(bytes.len() <= 32 * self.queue.len() + 32, "{} bytes", bytes.len());
        assert_eq!(Queue::decode(&bytes).as_ref(), Ok(&self.queue));
    }
}

proptest! {
    #[test]
    fn nobody_is_lost_or_taken_twice(steps in steps()) {
        let mut world = World::default();
        let mut now = Timestamp::from_millis(1_700_000_000_000);
        for (passed, step) in steps {
            now = Timestamp::from_millis(now.as_millis().saturating_add_signed(passed));
            world.step(step, now);
            world.agrees();
        }
        while !world.waiting.is_empty() {
            world.takes(now, Level(7), false);
            world.agrees();
        }
    }

    /// However many requests one tenant has, those of another one alternate with them.
    #[test]
    fn tenants_take_turns(many in 1u32..200, few in 1u32..20) {
        let mut queue = Queue::default();
        let now = Timestamp::from_millis(1_700_000_000_000);
        let deadline = now.plus(Duration::from_secs(1));
        let wide = Bounds { per_level: [LevelBounds { max: 500, ..bounds().per_level[0] }; 8], total: 500 };
        for (tenant, count) in [(1, many), (2, few)] {
            for number in 0..count {
                let member = Member { vm: u64::from(tenant), stream: number };
                let waiter = Waiter { member, level: Level(0), tenant, deadline };
                queue.enqueue(&waiter, None, now, false, &wide);
            }
        }
        for turn in 0..few.min(many) {
            let pair = [0, 1].map(|_| queue.take(now, Level(0), false, &wide).next.unwrap().member);
            prop_assert_eq!(pair, [1, 2].map(|vm| Member { vm, stream: turn }));
        }
    }
}
