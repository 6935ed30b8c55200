//! What Envoy's log says of requests that are refused.

use serde_json::json;
use spillway_harness::{MODEL, request, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, level, own};

with_one_and_two_envoy_workers!(the_log_has_few_lines_and_nothing_of_what_was_sent);

const SECRET: &str = "s3cr3tm4rk3r";

async fn the_log_has_few_lines_and_nothing_of_what_was_sent(envoy_workers: u32) {
    let config = json!({ "max_waiting": 0 });
    let spillway = held_to(envoy_workers, 1, config).start().await;
    let held = hold(&spillway).await;
    let body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": SECRET }] });
    for _ in 0..300 {
        let mut request = level(request("/v1/chat/completions", &body), "sheddable");
        request.headers_mut().insert("authorization", format!("Bearer {SECRET}").parse().unwrap());
        assert_eq!(spillway.client.send(request).await.status, 429);
    }
    assert_eq!(spillway.stats().await.own(&own("refused_queue_full_total")), 300);
    let log = spillway.envoy.log();
    assert!(!log.contains(SECRET), "{log}");
    let line = "pool inference: a request of level sheddable is refused: queue_full; ";
    let said: Vec<u64> = log
        .lines()
        .filter_map(|text| text.split_once(line)?.1.strip_suffix(" such lines left out")?.parse().ok())
        .collect();
    assert!(!said.is_empty() && said[0] == 0, "{log}");
    // However slow the machine is, a line a second is fewer than one for each; and none is lost.
    assert!(said.len() < 150, "{said:?}");
    assert!(said.len() as u64 + said.iter().sum::<u64>() <= 300, "{said:?}");
    drop(held);
    end(spillway).await;
}
