//! Two configurations of one module in one Envoy: nothing of the one shows in the other.

use serde_json::json;
use spillway_envoy::FilterConfigs;
use spillway_harness::{Client, Port, Setup, chat, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(two_listeners_do_not_mix);

async fn two_listeners_do_not_mix(envoy_workers: u32) {
    let second = Port::free();
    let number = second.number();
    let setup = Setup::new(envoy_workers).filter("endpoint-picker", json!({ "debug_header": true }));
    let setup = setup.edit(move |config| {
        let listeners = config["static_resources"]["listeners"].as_array_mut().unwrap();
        let mut other = listeners[0].clone();
        other["name"] = json!("other");
        other["address"]["socket_address"]["port_value"] = json!(number);
        other.set_filter_config("endpoint-picker", &json!({ "rules": [{ "mode": "off" }] })).unwrap();
        listeners.push(other);
    });
    let spillway = setup.start().await;
    let before = spillway.stats().await;
    for _ in 0..20 {
        // Clients of their own: with two Envoy workers both get connections of both listeners.
        let [first, other] = [spillway.api(), second.address()].map(Client::new);
        let answer = first.send(chat(1)).await;
        assert_eq!((answer.status, answer.header("x-spillway-endpoint").is_empty()), (200, false));
        let answer = other.send(chat(1)).await;
        assert_eq!((answer.status, answer.header("x-spillway-endpoint").is_empty()), (200, true));
    }
    let after = spillway.stats().await;
    for counter in ["score", "off"] {
        let name = format!("wasmcustom.spillway.endpoint_picker.{counter}_total");
        assert_eq!(after.rise(&before, &name), 20, "{name}");
    }
    spillway.end().await;
}
