//! Envoy's admin interface tells, and changes nothing.

use http_body_util::Full;
use hyper::Request;
use spillway_harness::{Client, Setup, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(what_is_not_needed_is_forbidden);

async fn what_is_not_needed_is_forbidden(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).workers(1).start().await;
    let port = spillway.config["admin"]["address"]["socket_address"]["port_value"].as_u64().unwrap();
    let admin = Client::new(format!("127.0.0.1:{port}").parse().unwrap());
    for path in
        ["/ready", "/clusters", "/clusters?format=json", "/stats?filter=spillway", "/stats/prometheus"]
    {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
    let changes =
        ["/quitquitquit", "/healthcheck/fail", "/logging?level=off", "/drain_listeners", "/reset_counters"];
    let secrets =
        ["/config_dump", "/certs", "/memory", "/server_info/../config_dump", "/stats/../config_dump"];
    for path in changes.into_iter().chain(secrets) {
        let answer = admin.send(Request::post(path).body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 403, "POST {path}");
        assert_eq!(admin.get(path).await.status, 403, "GET {path}");
    }
    spillway.end().await;
}
