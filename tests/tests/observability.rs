//! What people and Prometheus see.

use spillway_harness::{Setup, chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(gauges_of_endpoints_have_labels, the_access_log_has_the_decision);

async fn gauges_of_endpoints_have_labels(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).start().await;
    assert_eq!(spillway.client.send(chat(2)).await.status, 200);
    let text = spillway.envoy.admin("/stats/prometheus").await;
    for worker in &spillway.workers {
        let labels =
            ["spillway_pool=\"inference\"".to_owned(), format!("spillway_endpoint=\"{}\"", worker.label())];
        let line = text.lines().find(|line| {
            line.starts_with("spillway_pool_endpoint_in_flight{")
                && labels.iter().all(|label| line.contains(label))
        });
        let shown: Vec<_> = text.lines().filter(|line| line.contains("in_flight")).collect();
        assert!(line.is_some(), "{labels:?} in {shown:#?}");
    }
    let eligible = text.lines().find(|line| line.starts_with("spillway_pool_eligible_endpoints{"));
    assert!(
        eligible.is_some_and(|line| line.contains("spillway_pool=\"inference\"") && line.ends_with(" 3"))
    );
    spillway.end().await;
}

async fn the_access_log_has_the_decision(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).start().await;
    assert_eq!(spillway.client.send(chat(2)).await.status, 200);
    let line = spillway.access_log_line("POST /v1/chat/completions 200").await;
    let (_, decision) = line.split_once("picker=[reason=score endpoint=").expect(&line);
    let endpoint = decision.split(' ').next().unwrap();
    assert!(spillway.workers.iter().any(|worker| worker.address().to_string() == endpoint), "{line}");
    assert!(line.contains(&format!("upstream={endpoint} attempts=1 ")), "it went where it was sent: {line}");
    assert!(line.ends_with(" candidates=3] breaker=[-]"), "the breaker had nothing to decide: {line}");
    spillway.end().await;
}
