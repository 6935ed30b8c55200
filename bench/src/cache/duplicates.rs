//! How often the same thing is computed twice, while all of it is in flight at once.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{CacheTier, Setup, Spillway};

use super::Options;
use super::proxies::body;
use crate::bar::{self, Bar};
use crate::cost::chat;
use crate::table::Table;

/// An answer takes about 300 ms.
const ENGINE: &str = "--engine simulated --slots 256 --queue-requests 10000 --base-latency-ms 200 \
                      --prefill-tokens-per-s 1000000 --decode-tokens-per-s 200 --jitter-ratio 0.3";
const PER_SECOND: f64 = 400.0;
/// Of the requests are for something that was asked for before, or is being computed.
const REPEATS: f64 = 0.65;

pub(super) async fn run(options: &Options) -> Result<()> {
    let topics = topics(options.requests);
    let distinct = topics.iter().collect::<BTreeSet<_>>().len();
    let title = format!(
        "{} requests at {PER_SECOND} a second for {distinct} things, popular ones as by Zipf's law; an answer takes 0.3 s",
        options.requests
    );
    let mut table = Table::new(title, &["set-up", "computed", "beyond the first", "share of all requests"]);
    let mut shares = Vec::new();
    let tier = CacheTier::start().await;
    for (name, envoys, cached) in [
        ("without the cache", 1, false),
        ("one Envoy, two Envoy workers", 1, true),
        ("two Envoys on one cache tier", 2, true),
    ] {
        let mut running = Vec::new();
        for _ in 0..envoys {
            running.push(start(&tier, cached, envoys > 1).await);
        }
        stream(&running, &topics).await?;
        let mut computed = 0;
        for spillway in &running {
            for worker in &spillway.workers {
                computed += worker.counts().await.total();
            }
        }
        for spillway in running {
            spillway.end().await;
        }
        let beyond = computed.saturating_sub(distinct as u64);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let share = beyond as f64 / options.requests as f64;
        table.row([
            name.to_owned(),
            computed.to_string(),
            beyond.to_string(),
            format!("{:.2} %", share * 100.0),
        ]);
        shares.push(share);
    }
    table.publish("cache-duplicates")?;
    bar::print(&[
        Bar::at_most(0.01, "duplicates with one Envoy", shares.get(1).copied()),
        Bar::at_most(0.01, "duplicates with two Envoys on one tier", shares.get(2).copied()),
    ]);
    Ok(())
}

async fn start(tier: &CacheTier, cached: bool, shares: bool) -> Spillway {
    let mut setup = Setup::new(2).engine(ENGINE);
    setup = match (cached, shares) {
        (false, _) => setup.filter("response-cache", json!({ "rules": [{ "mode": "off" }] })),
        (true, false) => setup.filter("response-cache", json!({ "tier": null })),
        (true, true) => setup
            .cache_tier(tier)
            .filter("response-cache", json!({ "tier": { "timeout_ms": 500 }, "by_host": false })),
    };
    let spillway = setup.start().await;
    spillway.until_booked("inference").await;
    spillway
}

/// Sends the stream, to each Envoy its share.
async fn stream(running: &[Spillway], topics: &[u64]) -> Result<()> {
    let mut loads = tokio::task::JoinSet::new();
    let envoys = running.len();
    for (at, spillway) in running.iter().enumerate() {
        let own: Vec<u64> = topics.iter().copied().skip(at).step_by(envoys).collect();
        let per_second = PER_SECOND / f64::from(u32::try_from(envoys).unwrap_or(1));
        let arrivals = Arrivals::Open { per_second, seed: at as u64 };
        let until = Until::Requests(own.len() as u64);
        let load = Load::new(&spillway.client, arrivals, until, move |number| {
            let topic = usize::try_from(number).ok().and_then(|number| own.get(number)).copied();
            chat(body(topic.unwrap_or(0), 200))
        });
        loads.spawn(async move { load.run().await });
    }
    for report in loads.join_all().await {
        ensure!(report.failures() == 0, "{} requests failed: {:?}", report.failures(), report.statuses());
    }
    Ok(())
}

/// What each request is about. New things come up all the time; what is asked for again is popular by Zipf's law.
fn topics(requests: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut known: u64 = 0;
    let mut topics = Vec::new();
    for _ in 0..requests {
        if known == 0 || random.f64() >= REPEATS {
            topics.push(known);
            known += 1;
        } else {
            // The inverse of 1/rank's integral.
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rank among few"
            )]
            let rank = ((known as f64).powf(random.f64()) - 1.0) as u64;
            topics.push(known - 1 - rank.min(known - 1));
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::topics;
    use std::collections::BTreeSet;

    #[test]
    fn two_thirds_are_repeats_and_the_newest_are_the_most_popular() {
        let topics = topics(10_000);
        let distinct = topics.iter().collect::<BTreeSet<_>>().len();
        assert!((3_300..=3_700).contains(&distinct), "{distinct}");
        assert_eq!(topics, super::topics(10_000));
    }
}
