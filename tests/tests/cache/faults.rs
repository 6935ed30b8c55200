//! The whole chain under faults: Envoy, the cache tier, a Redis Cluster, an object store.
//!
//! Whatever fails behind the filter costs hits and nothing else: clients get answers, and the right ones. What is right
//! is asked of an inference worker itself, whose words follow from the request's `seed`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spillway_harness::{
    Answer, CacheTier, Client, ObjectStore, Proxy, RedisCluster, Setup, Spillway, eventually, hurry,
    with_one_and_two_envoy_workers,
};
use tokio::task::{JoinHandle, LocalSet};

use super::{status, tier};

with_one_and_two_envoy_workers!(
    a_master_of_the_cluster_is_killed,
    the_store_stalls,
    redis_and_the_store_are_gone_and_then_the_tier,
);

/// How many prompts everything begins with.
const KNOWN: u32 = 120;

/// How long a cluster may take to notice that a master is gone and to settle. It takes 3 s on a machine at rest.
const FAILOVER: Duration = Duration::from_secs(60);

/// How long the store stalls.
const STALL: Duration = Duration::from_secs(10);

/// No answer takes so long, whatever stalls. Well above the filter's deadline for the tier and what the inference worker
/// takes, together 1 s, and well below the time for which something stalls.
const NO_ANSWER_TAKES: Duration = Duration::from_secs(6);

/// What is behind the cache tier.
struct Behind {
    redis: RedisCluster,
    store: ObjectStore,
    /// The way to the store.
    way: Proxy,
}

impl Behind {
    fn start() -> Self {
        let (redis, store) = (RedisCluster::start(), ObjectStore::start());
        let way = Proxy::before(store.address());
        Self { redis, store, way }
    }

    /// A cache tier that has nothing yet.
    async fn tier(&self) -> CacheTier {
        let mut options = self.store.options(self.way.address());
        let redis = [
            "--redis-mode",
            "cluster",
            "--redis-timeout-ms",
            "500",
            "--circuit-open-ms",
            "200",
            "--redis-url",
        ];
        options.extend(redis.map(str::to_owned));
        options.push(self.redis.urls());
        CacheTier::start_with(&options).await
    }
}

/// The deterministic request of that number.
fn prompt(number: u32) -> Value {
    let mut body = super::body(&format!("fault {number}"));
    body["seed"] = json!(number);
    body["max_tokens"] = json!(12);
    body
}

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

/// Somebody who asks through Envoy, and asks a worker what is right.
#[derive(Clone)]
struct Asker {
    envoy: Client,
    worker: Client,
}

impl Asker {
    fn of(spillway: &Spillway) -> Self {
        Self { envoy: spillway.client.clone(), worker: spillway.workers[0].client() }
    }

    /// Asks through Envoy. The answer is there, and right. Where it came from, and how long it took.
    async fn ask(&self, number: u32) -> (String, Duration) {
        let began = Instant::now();
        let answer = self.envoy.send(tier::ask(&prompt(number))).await;
        let took = began.elapsed();
        let right = self.worker.send(tier::ask(&prompt(number))).await;
        assert_eq!(text(&answer), text(&right), "{}", status(&answer));
        (status(&answer), took)
    }
}

/// Clients that ask for what is known and for what nobody has asked for, until they are told to stop.
struct Clients {
    stops: Rc<Cell<bool>>,
    seen: Rc<RefCell<Vec<(String, Duration)>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Clients {
    fn start(spillway: &Spillway) -> Self {
        let (stops, seen) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Vec::new())));
        let new = Rc::new(Cell::new(KNOWN));
        let tasks = (0..4).map(|first| {
            let (stops, seen, new) = (Rc::clone(&stops), Rc::clone(&seen), Rc::clone(&new));
            let asker = Asker::of(spillway);
            tokio::task::spawn_local(async move {
                let mut known = first;
                while !stops.get() {
                    let number = new.replace(new.get() + 1);
                    let both = [asker.ask(known % KNOWN).await, asker.ask(number).await];
                    seen.borrow_mut().extend(both);
                    known += 4;
                }
            })
        });
        let tasks = tasks.collect();
        Self { stops, seen, tasks }
    }

    /// Waits until there are so many answers since they were last taken.
    async fn until_answered(&self, enough: usize) {
        eventually("answers come", hurry(), async || {
            assert!(self.tasks.iter().all(|task| !task.is_finished()), "a client has given up");
            let count = self.seen.borrow().len();
            if count >= enough { Ok(()) } else { Err(count) }
        })
        .await;
    }

    /// Where the answers came from since they were last taken. None took long.
    fn take(&self, what: &str) -> Vec<String> {
        let seen = self.seen.take();
        let slowest = seen.iter().max_by_key(|(_, took)| *took);
        let (mut places, mut from) = (BTreeMap::new(), Vec::new());
        for (status, took) in &seen {
            assert!(*took < NO_ANSWER_TAKES, "{what}: {took:?}: {status}");
            let place = status.rsplit("detail=").next().unwrap_or_default();
            *places.entry(place.to_owned()).or_insert(0) += 1;
            from.push(status.clone());
        }
        println!("{what}: {places:?}, the slowest {slowest:?}");
        from
    }

    async fn stop(self) {
        self.stops.set(true);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// Has everything known computed and written to all tiers, by an Envoy and a cache tier of its own that go on.
async fn filled(envoy_workers: u32, behind: &Behind) -> (Spillway, CacheTier) {
    let tier = behind.tier().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let asker = Asker::of(&spillway);
    for number in 0..KNOWN {
        asker.ask(number).await;
    }
    tier.until_stored(KNOWN).await;
    for behind_memory in ["redis", "store"] {
        let put = format!("operations_total{{tier=\"{behind_memory}\",operation=\"put\",outcome=\"ok\"}}");
        until(&tier, &put, |count| count >= KNOWN.into()).await;
    }
    (spillway, tier)
}

fn setup(envoy_workers: u32, tier: &CacheTier) -> Setup {
    tier::setup_with(envoy_workers, tier, &json!({ "timeout_ms": 1_000 })).workers(2)
}

/// Waits until a metric of the tier is as it should be.
async fn until(tier: &CacheTier, metric: &str, is_so: impl Fn(f64) -> bool) {
    eventually(metric, FAILOVER, async || {
        let value = tier.metric(&format!("spillway_cache_tier_{metric}")).await;
        if is_so(value) { Ok(()) } else { Err(value) }
    })
    .await;
}

/// Where a new Envoy with a new cache tier finds what is known.
async fn places(envoy_workers: u32, behind: &Behind) -> Vec<String> {
    let tier = behind.tier().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let asker = Asker::of(&spillway);
    let mut places = Vec::new();
    for number in 0..KNOWN {
        places.push(asker.ask(number).await.0);
    }
    spillway.end().await;
    places
}

fn come_from(places: &[String], place: &str) -> usize {
    places.iter().filter(|status| status.ends_with(&format!("; detail={place}"))).count()
}

async fn a_master_of_the_cluster_is_killed(envoy_workers: u32) {
    LocalSet::new().run_until(a_master_is_killed(envoy_workers)).await;
}

async fn a_master_is_killed(envoy_workers: u32) {
    let mut behind = Behind::start();
    filled(envoy_workers, &behind).await.0.end().await;
    let tier = behind.tier().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let clients = Clients::start(&spillway);
    clients.until_answered(40).await;
    assert!(come_from(&clients.take("before"), "redis") > 0);
    let victim = behind.redis.masters()[0];
    behind.redis.nodes[victim].kill();
    eventually("a replica has taken over", FAILOVER, async || {
        let masters = behind.redis.masters();
        if masters.len() == 3 { Ok(()) } else { Err(format!("{masters:?}")) }
    })
    .await;
    clients.take("while a master was missing");
    clients.until_answered(100).await;
    clients.take("after");
    clients.stop().await;
    spillway.end().await;
    // What was found in the store meanwhile went up to Redis again.
    eventually("everything is found in Redis", FAILOVER, async || {
        let places = places(envoy_workers, &behind).await;
        if come_from(&places, "redis") == places.len() { Ok(()) } else { Err(format!("{places:?}")) }
    })
    .await;
}

async fn the_store_stalls(envoy_workers: u32) {
    LocalSet::new().run_until(the_store_stalls_for_a_while(envoy_workers)).await;
}

async fn the_store_stalls_for_a_while(envoy_workers: u32) {
    let behind = Behind::start();
    filled(envoy_workers, &behind).await.0.end().await;
    let tier = behind.tier().await;
    let spillway = setup(envoy_workers, &tier).start().await;
    let clients = Clients::start(&spillway);
    behind.way.stall(true);
    tokio::time::sleep(STALL).await;
    clients.until_answered(100).await;
    let meanwhile = clients.take("while the store stalled");
    let found = come_from(&meanwhile, "redis");
    assert!(found >= KNOWN as usize / 2, "{found} found: a store that stalls is no reason not to ask Redis");
    behind.way.stall(false);
    until(&tier, "circuit{tier=\"store\"}", |circuit| circuit == 0.0).await;
    clients.take("until it was asked again");
    clients.until_answered(100).await;
    clients.take("after");
    clients.stop().await;
    spillway.end().await;
}

async fn redis_and_the_store_are_gone_and_then_the_tier(envoy_workers: u32) {
    LocalSet::new().run_until(all_are_gone(envoy_workers)).await;
}

async fn all_are_gone(envoy_workers: u32) {
    let mut behind = Behind::start();
    let (first, mut tier) = filled(envoy_workers, &behind).await;
    first.end().await;
    behind.redis.kill();
    behind.way.stall(true);
    let spillway = setup(envoy_workers, &tier).start().await;
    let clients = Clients::start(&spillway);
    clients.until_answered(400).await;
    let from = clients.take("without Redis, while the store stalled");
    assert!(come_from(&from, "tier_memory") > 0, "memory is asked first");
    behind.store.kill();
    behind.way.stall(false);
    clients.until_answered(200).await;
    clients.take("without both");
    tier.kill();
    clients.until_answered(400).await;
    clients.take("without the cache tier");
    clients.stop().await;
    spillway.end().await;
}
