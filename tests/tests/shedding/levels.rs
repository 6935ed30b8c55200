//! Levels that nobody gets.

use serde_json::json;
use spillway_harness::{chat, with_one_and_two_envoy_workers};

use super::{end, held_to};

with_one_and_two_envoy_workers!(a_level_that_nobody_gets_is_named_in_the_log_and_accepted);

async fn a_level_that_nobody_gets_is_named_in_the_log_and_accepted(envoy_workers: u32) {
    let config = json!({
        "trust_priority_header": false,
        "levels": [
            { "name": "critical", "max_waiting": 1 },
            { "name": "gold", "max_waiting": 1 },
            { "name": "standard", "max_waiting": 1 },
            { "name": "sheddable", "max_waiting": 1 },
        ],
        "rules": [{ "match": { "path_prefix": "/v1/completions" }, "level": "critical" }],
        "priority_header": "",
    });
    let spillway = held_to(envoy_workers, 8, config).start().await;
    let log = spillway.envoy.log();
    for field in ["levels[1] (gold)", "levels[3] (sheddable)"] {
        let line = format!("load-shedder: {field}: no consumer, no rule and no client gets this level");
        assert!(log.contains(&line), "{field}: {log}");
    }
    for field in ["levels[0] (critical)", "levels[2] (standard)"] {
        assert!(!log.contains(&format!("load-shedder: {field}")), "{field}: {log}");
    }
    assert_eq!(spillway.client.send(chat(1)).await.status, 200);
    end(spillway).await;
}
