use super::{Cache, Kept, WasPurged, Writers};
use crate::clock::now_ms;
use crate::leases::{Asked, LeaseLimits, Leases};
use crate::metrics::Metrics;
use crate::purge::{MarkLimits, Marks};
use crate::seal::Seal;
use crate::stored::Stored;
use crate::tier::fake::Fake;
use crate::tier::{Layer, LayerConfig, Memory, QueueLimits, Shared};
use spillway_breaker::Policy;
use spillway_contract::cache::entry::Entry;
use spillway_contract::cache::protocol::{Purge, Tier};
use spillway_primitives::Backoff;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);
const DEADLINE: Duration = Duration::from_millis(50);

/// Memory, and two tiers behind it that are told how to behave.
struct World {
    cache: Arc<Cache>,
    redis: Arc<Fake>,
    store: Arc<Fake>,
    writers: Option<Writers>,
}

impl World {
    async fn new() -> Self {
        Self::of(Arc::default(), Arc::default()).await
    }

    /// A cache tier that finds what these keep.
    async fn of(redis: Arc<Fake>, store: Arc<Fake>) -> Self {
        let skew = Duration::ZERO;
        let marks = Arc::new(Marks::new(MarkLimits { skew, retention: HOUR, max_marks: 100 }));
        let metrics = Arc::new(Metrics::default());
        let seal = Arc::new(Seal { compress_above: None, cipher: None, max_entry_bytes: 1_000_000 });
        let shared = Shared { seal, marks: Arc::clone(&marks), metrics: Arc::clone(&metrics) };
        let open = Duration::from_millis(200);
        let config = LayerConfig {
            ttl: HOUR,
            timeout: DEADLINE,
            queue: QueueLimits { changes: 10, bytes: 100_000 },
            circuit: Policy { ratio: None, open: Backoff::new(open, open, 0), ..Policy::default() },
            marks_every: Duration::from_secs(1),
            sweep_every: None,
        };
        let layers = vec![
            Layer::new(Tier::Redis, Arc::<Fake>::clone(&redis), config, shared.clone()),
            Layer::new(Tier::Store, Arc::<Fake>::clone(&store), config, shared),
        ];
        let leases = Leases::new(LeaseLimits { max_leases: 10, max_waiting: 10 }, Arc::clone(&marks));
        let cache = Cache::new(Memory::new(1_000_000, HOUR), layers, marks, leases, metrics);
        let writers = Some(cache.start().await);
        Self { cache, redis, store, writers }
    }

    /// Stores an entry and waits until every tier has it.
    async fn stored_everywhere(&mut self, key: u8) {
        assert!(self.cache.store(entry(key), None).unwrap().will_last);
        while !(self.redis.has(&[key; 32]) && self.store.has(&[key; 32])) {
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn found(&self, key: u8) -> Option<Tier> {
        self.cache.find(&[key; 32], None).await.map(|hit| hit.tier)
    }

    fn forget_memory(&self, key: u8) {
        self.cache.memory.delete(&[key; 32]);
    }
}

fn entry(key: u8) -> Stored {
    let entry = Entry {
        key: [key; 32],
        stored_at_ms: now_ms(),
        fresh_ms: 60_000,
        model: "m".to_owned(),
        tenant: Some([key; 32]),
        body: vec![key; 100],
        ..Entry::default()
    };
    Stored::read(entry.encode().unwrap().into(), 0).unwrap()
}

#[tokio::test]
async fn the_nearest_tier_answers_and_those_before_it_get_the_entry() {
    let mut world = World::new().await;
    assert_eq!(world.found(1).await, None);
    world.stored_everywhere(1).await;
    assert_eq!(world.found(1).await, Some(Tier::Memory));
    world.forget_memory(1);
    world.redis.entries.lock().unwrap().clear();
    assert_eq!(world.found(1).await, Some(Tier::Store));
    assert_eq!(world.found(1).await, Some(Tier::Memory));
    while !world.redis.has(&[1; 32]) {
        sleep(Duration::from_millis(1)).await;
    }
    world.forget_memory(1);
    assert_eq!(world.found(1).await, Some(Tier::Redis));
}

#[tokio::test]
async fn lookups_of_one_key_are_one() {
    let world = World::new().await;
    world.redis.behaves(Duration::from_millis(20), false);
    let lookups: Vec<_> = (0..50)
        .map(|_| {
            let cache = Arc::clone(&world.cache);
            tokio::spawn(async move { cache.find(&[1; 32], None).await.is_none() })
        })
        .collect();
    for lookup in lookups {
        assert!(lookup.await.unwrap());
    }
    assert_eq!(world.redis.gets.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_tier_that_stalls_costs_its_deadline_three_times_and_then_nothing() {
    let mut world = World::new().await;
    for key in 1..=20 {
        world.stored_everywhere(key).await;
        world.forget_memory(key);
    }
    world.redis.behaves(HOUR, false);
    let mut costs = Vec::new();
    for key in 1..=20 {
        let started = Instant::now();
        assert_eq!(world.found(key).await, Some(Tier::Store), "{key}");
        costs.push(started.elapsed());
    }
    let slow = costs.iter().filter(|cost| **cost >= DEADLINE).count();
    assert!((3..=4).contains(&slow), "{costs:?}");
    assert!(costs.iter().all(|cost| *cost < DEADLINE * 3), "{costs:?}");
}

#[tokio::test]
async fn with_all_tiers_down_there_are_misses_and_then_hits_again() {
    let mut world = World::new().await;
    world.stored_everywhere(1).await;
    world.forget_memory(1);
    world.redis.behaves(Duration::ZERO, true);
    world.store.behaves(Duration::ZERO, true);
    for _ in 0..5 {
        assert_eq!(world.found(1).await, None);
    }
    let kept = world.cache.store(entry(2), None).unwrap();
    assert_eq!(kept, Kept { in_memory: true, will_last: false, is_full: false });
    assert_eq!(world.found(2).await, Some(Tier::Memory));
    world.redis.behaves(Duration::ZERO, false);
    world.store.behaves(Duration::ZERO, false);
    sleep(Duration::from_millis(250)).await;
    assert_eq!(world.found(1).await, Some(Tier::Redis));
}

#[tokio::test]
async fn a_queue_that_is_full_drops_and_says_so() {
    let world = World::new().await;
    world.redis.behaves(HOUR, false);
    world.store.behaves(HOUR, false);
    let kept: Vec<_> = (0..12).map(|key| world.cache.store(entry(key), None).unwrap()).collect();
    assert!(kept[..10].iter().all(|kept| kept.will_last));
    assert_eq!(kept[11], Kept { in_memory: true, will_last: false, is_full: true });
}

#[tokio::test]
async fn what_waits_is_written_before_the_end() {
    let mut world = World::new().await;
    world.store.behaves(Duration::from_millis(20), false);
    (0..8).for_each(|key| assert!(world.cache.store(entry(key), None).unwrap().will_last));
    let writers = world.writers.take().unwrap();
    assert_eq!(world.cache.finish(writers, HOUR).await, 0);
    assert!((0..8).all(|key| world.redis.has(&[key; 32]) && world.store.has(&[key; 32])));
    assert!(!world.cache.store(entry(9), None).unwrap().will_last, "nothing is taken any more");
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let mut world = World::new().await;
    world.store.behaves(HOUR, false);
    (0..8).for_each(|key| assert!(world.cache.store(entry(key), None).unwrap().will_last));
    let writers = world.writers.take().unwrap();
    assert_eq!(world.cache.finish(writers, Duration::from_millis(50)).await, 8);
}

#[tokio::test]
async fn damage_is_a_miss_and_is_deleted() {
    let mut world = World::new().await;
    world.stored_everywhere(1).await;
    world.forget_memory(1);
    {
        let mut entries = world.redis.entries.lock().unwrap();
        let mut bytes = entries[&[1; 32]].to_vec();
        bytes[60] ^= 1;
        entries.insert([1; 32], bytes.into());
    }
    assert_eq!(world.found(1).await, Some(Tier::Store));
    world.forget_memory(1);
    while world.found(1).await != Some(Tier::Redis) {
        world.forget_memory(1);
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_entry_of_another_key_is_damage() {
    let mut world = World::new().await;
    world.stored_everywhere(1).await;
    let bytes = world.redis.entries.lock().unwrap()[&[1; 32]].clone();
    world.redis.entries.lock().unwrap().insert([2; 32], bytes);
    assert_eq!(world.found(2).await, None);
}

#[tokio::test]
async fn a_purge_holds_in_every_tier_and_for_others() {
    let mut world = World::new().await;
    for key in [1, 2] {
        world.stored_everywhere(key).await;
    }
    let purged = world.cache.purge(&Purge::Tenant([1; 32])).await;
    assert_eq!((purged.from_memory, purged.pending.len()), (1, 0));
    assert_eq!(world.found(1).await, None);
    assert_eq!(world.found(2).await, Some(Tier::Memory));
    let other = World::of(Arc::clone(&world.redis), Arc::default()).await;
    assert_eq!(other.found(1).await, None, "a cache tier that starts later knows it too");
    assert_eq!(other.found(2).await, Some(Tier::Redis));
    world.stored_everywhere(1).await;
    assert_eq!(world.found(1).await, Some(Tier::Memory), "what is stored after the purge");
}

#[tokio::test]
async fn a_purge_that_a_tier_cannot_be_told_is_told_later() {
    let mut world = World::new().await;
    world.stored_everywhere(1).await;
    world.redis.behaves(Duration::ZERO, true);
    let purged = world.cache.purge(&Purge::Model("m".to_owned())).await;
    assert_eq!(purged.pending, [Tier::Redis]);
    world.redis.behaves(Duration::ZERO, false);
    assert_eq!(world.found(1).await, None, "here it holds at once");
    while world.redis.marks.lock().unwrap().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_tier_whose_purges_are_not_known_has_nothing() {
    let mut world = World::new().await;
    world.stored_everywhere(1).await;
    world.redis.behaves(Duration::ZERO, true);
    let other = World::of(Arc::clone(&world.redis), Arc::default()).await;
    world.redis.behaves(Duration::ZERO, false);
    let before = world.redis.gets.load(Ordering::Relaxed);
    assert_eq!(other.found(1).await, None);
    assert_eq!(world.redis.gets.load(Ordering::Relaxed), before, "it was not even asked");
    while other.found(1).await.is_none() {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_answer_that_was_purged_while_it_was_computed_is_not_stored() {
    let world = World::new().await;
    let Asked::Granted(token) = world.cache.leases.ask([1; 32], HOUR, false) else { panic!("not granted") };
    world.cache.purge(&Purge::Model("m".to_owned())).await;
    assert_eq!(world.cache.store(entry(1), Some(token)), Err(WasPurged));
    assert_eq!((world.found(1).await, world.cache.leases.count()), (None, 0));
    let Asked::Granted(token) = world.cache.leases.ask([1; 32], HOUR, false) else { panic!("not granted") };
    assert!(world.cache.store(entry(1), Some(token)).is_ok());
}
