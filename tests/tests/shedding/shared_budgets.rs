//! What a tenant may use of several Envoys together.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spillway_harness::{
    CacheTier, RedisCluster, Setup, Spillway, chat, eventually, hurry, with_one_and_two_envoy_workers,
};

use super::budgets::of;
use super::{end, held_to, own, until};

with_one_and_two_envoy_workers!(
    two_envoys_admit_one_budget_and_an_allowance_each,
    what_one_has_used_the_other_refuses_after_an_exchange,
    without_the_tier_requests_are_answered_and_what_they_used_is_told_later,
    two_envoys_share_a_budget_through_a_tiers_memory,
);

async fn tier(redis: &RedisCluster) -> CacheTier {
    let options = ["--redis-mode", "cluster", "--redis-timeout-ms", "900", "--redis-url", &redis.urls()];
    CacheTier::start_with(&options.map(str::to_owned)).await
}

/// Requests a minute for each tenant, of which one Envoy may use a share beyond what the tier has heard of.
fn shared(envoy_workers: u32, tier: &CacheTier, requests: u64, allowance_permille: u64) -> Setup {
    let config: Value = json!({
        "budget": { "requests_per_minute": requests },
        "shared_budgets": { "cluster": "cache-tier", "allowance_permille": allowance_permille, "timeout_ms": 1_000 },
    });
    held_to(envoy_workers, 100, config).cache_tier(tier)
}

/// Whether a request of that tenant is admitted. If not, it is because of the budget.
async fn admits(spillway: &Spillway, key: &str) -> bool {
    let answer = spillway.client.send(of(chat(1), key)).await;
    if answer.status != 200 {
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "over_request_budget");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    answer.status == 200
}

/// How often that many tellings have become part of the sum.
async fn until_added(tier: &CacheTier, count: f64) {
    eventually("it is added up", hurry(), async || {
        let added = tier.metric("spillway_cache_tier_budgets_told_total{outcome=\"added\"}").await;
        if added >= count { Ok(()) } else { Err(added) }
    })
    .await;
}

async fn until_refused(spillway: &Spillway, key: &str) {
    eventually(
        "it refuses",
        hurry(),
        async || {
            if admits(spillway, key).await { Err("it admits") } else { Ok(()) }
        },
    )
    .await;
}

async fn failures(spillway: &Spillway) -> u64 {
    spillway.stats().await.own(&own("budget_exchanges_failed_total"))
}

async fn two_envoys_admit_one_budget_and_an_allowance_each(envoy_workers: u32) {
    const BUDGET: u64 = 20;
    const ALLOWANCE: u64 = 4;
    let redis = RedisCluster::start();
    let tier = tier(&redis).await;
    let here = shared(envoy_workers, &tier, BUDGET, 200).start().await;
    let there = shared(envoy_workers, &tier, BUDGET, 200).start().await;
    let began = Instant::now();
    let (mut admitted, mut refused_in_a_row) = (0, 0);
    eventually("the budget is used up", Duration::from_secs(60), async || {
        let both = [admits(&here, "one").await, admits(&there, "one").await];
        admitted += both.into_iter().map(u64::from).sum::<u64>();
        // Long enough that it is not for having used an allowance.
        refused_in_a_row = if both == [false, false] { refused_in_a_row + 1 } else { 0 };
        if admitted >= BUDGET && refused_in_a_row > 10 { Ok(()) } else { Err(admitted) }
    })
    .await;
    println!("{admitted} admitted of {BUDGET} in {:?}", began.elapsed());
    if failures(&here).await + failures(&there).await == 0 {
        // One comes back every three seconds.
        let came = began.elapsed().as_secs() / 3 + 1;
        assert!(admitted <= BUDGET + 2 * ALLOWANCE + came, "{admitted} admitted, {came} came meanwhile");
    }
    assert!(admits(&there, "two").await, "another tenant has its own");
    end(here).await;
    end(there).await;
}

async fn what_one_has_used_the_other_refuses_after_an_exchange(envoy_workers: u32) {
    let redis = RedisCluster::start();
    let tier = tier(&redis).await;
    let here = shared(envoy_workers, &tier, 2, 1_000).start().await;
    let there = shared(envoy_workers, &tier, 2, 1_000).start().await;
    assert!(admits(&here, "one").await && admits(&here, "one").await);
    assert!(!admits(&here, "one").await);
    until_added(&tier, 1.0).await;
    assert!(admits(&there, "one").await, "it has not heard of this tenant yet");
    until_refused(&there, "one").await;
    assert!(admits(&there, "two").await, "another tenant has its own");
    end(here).await;
    end(there).await;
}

async fn without_the_tier_requests_are_answered_and_what_they_used_is_told_later(envoy_workers: u32) {
    let redis = RedisCluster::start();
    let mut tier = tier(&redis).await;
    // Half the budget is one request.
    let here = shared(envoy_workers, &tier, 2, 500).start().await;
    tier.kill();
    assert!(admits(&here, "one").await);
    eventually(
        "it is counted",
        hurry(),
        async || {
            if failures(&here).await > 0 { Ok(()) } else { Err("no failure") }
        },
    )
    .await;
    // Each Envoy worker sees it within a tick.
    eventually("nobody is refused for that", hurry(), async || {
        if admits(&here, "one").await { Ok(()) } else { Err("beyond the allowance") }
    })
    .await;
    assert!(!admits(&here, "one").await, "its own account goes on");
    assert!(admits(&here, "two").await);
    let after = failures(&here).await + 2;
    eventually("it is tried again", hurry(), async || {
        let failures = failures(&here).await;
        if failures >= after { Ok(()) } else { Err(failures) }
    })
    .await;
    let said = here.envoy.log().matches("does not add up budgets").count();
    assert_eq!(said, 1, "not every second");
    tier.restart().await;
    // What was told in vain, what was used after that, and the other tenant's.
    until_added(&tier, 3.0).await;
    eventually("the log says so", hurry(), async || {
        if here.envoy.log().contains("adds up budgets again") { Ok(()) } else { Err("not yet") }
    })
    .await;
    let there = shared(envoy_workers, &tier, 2, 500).start().await;
    admits(&there, "one").await;
    until_refused(&there, "one").await;
    end(here).await;
    end(there).await;
}

async fn two_envoys_share_a_budget_through_a_tiers_memory(envoy_workers: u32) {
    let tier = CacheTier::start().await;
    let here = shared(envoy_workers, &tier, 2, 1_000).start().await;
    let there = shared(envoy_workers, &tier, 2, 1_000).start().await;
    assert!(admits(&here, "one").await && admits(&here, "one").await);
    until_added(&tier, 1.0).await;
    admits(&there, "one").await;
    until_refused(&there, "one").await;
    until(&here, &own("budget_exchanges_failed_total"), 0).await;
    end(here).await;
    end(there).await;
}
