//! Busy workers get requests by how fast they are.

use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Until};
use spillway_harness::{Setup, Worker, streamed_chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(the_faster_worker_gets_more, equal_workers_get_as_much);

/// Every request takes 0.1 s, however many there are. Streams, because only those have a time to first token.
const ENGINE: &str = "--engine simulated --slots 200 --base-latency-ms 90 --prefill-tokens-per-s 100000 \
                      --decode-tokens-per-s 200";

const REQUESTS: u64 = 1_500;

async fn shares(envoy_workers: u32, speeds: [f64; 3]) -> [u64; 3] {
    let setup =
        Setup::new(envoy_workers).engine(ENGINE).filter("endpoint-picker", json!({ "debug_header": true }));
    let spillway = setup.start().await;
    for (worker, speed) in spillway.workers.iter().zip(speeds) {
        worker.behave(json!({ "speed_factor": speed })).await;
    }
    let clients = Arrivals::Closed { clients: 75 };
    let traffic =
        |requests| Load::new(&spillway.client, clients, Until::Requests(requests), |_| streamed_chat(2));
    // First the picker learns how fast they are.
    traffic(300).run().await;
    let report = traffic(REQUESTS).run().await;
    assert_eq!(report.statuses().into_iter().collect::<Vec<_>>(), [(200, REQUESTS)], "{:?}", report.broken());
    let served = report.by_endpoint();
    let share = |worker: &Worker| served.get(&worker.address().to_string()).copied().unwrap_or(0);
    let shares = [0, 1, 2].map(|number: usize| share(&spillway.workers[number]));
    println!("{shares:?} of {REQUESTS} requests at speeds {speeds:?}");
    spillway.end().await;
    shares
}

async fn the_faster_worker_gets_more(envoy_workers: u32) {
    let shares @ [fast, one, other] = shares(envoy_workers, [2.0, 1.0, 1.0]).await;
    for slow in [one, other] {
        assert!(fast * 10 > slow * 14, "twice as fast, and not even 1.4 times the requests: {shares:?}");
        assert!(fast < slow * 3, "the slower ones are left out: {shares:?}");
    }
}

async fn equal_workers_get_as_much(envoy_workers: u32) {
    let shares = shares(envoy_workers, [1.0; 3]).await;
    for share in shares {
        assert!((400..=600).contains(&share), "of 1,500 requests to three equal workers: {shares:?}");
    }
}
