//! OpenAI's own Python client against the gateway: `openai_client/check.py`.

use std::process::Command;

use spillway_harness::{MODEL, Setup, repository, with_one_and_two_envoy_workers};

with_one_and_two_envoy_workers!(plain_streamed_and_an_error);

async fn plain_streamed_and_an_error(envoy_workers: u32) {
    let spillway = Setup::new(envoy_workers).sheds(serde_json::json!({})).start().await;
    let mut python = Command::new("python3");
    python.arg(repository().join("tests/openai_client/check.py"));
    python.arg(repository().join("target/tools/openai"));
    python.args([&format!("http://{}/v1", spillway.api()), MODEL]);
    let output = tokio::task::spawn_blocking(move || python.output()).await.unwrap().expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.ends_with("plain, streamed and error: as expected\n"), "{said}");
    spillway.end().await;
}
