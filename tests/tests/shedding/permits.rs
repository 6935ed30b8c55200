//! Permits come back, whatever becomes of those who had them.

use std::time::Duration;

use hyper::header::HeaderValue;
use serde_json::json;
use spillway_harness::load::{Arrivals, Load, Patience, Until};
use spillway_harness::{Filters, chat, eventually, streamed_chat, with_one_and_two_envoy_workers};

use super::{end, held_to, hold, own, pool, until};

with_one_and_two_envoy_workers!(those_of_streams_that_break_off_in_any_way, those_of_a_vm_that_traps,);

async fn those_of_streams_that_break_off_in_any_way(envoy_workers: u32) {
    let spillway = held_to(envoy_workers, 20, json!({ "max_wait_ms": 60_000 })).start().await;
    spillway.workers[0].behave(json!({ "fault": "truncate" })).await;
    spillway.workers[1].behave(json!({ "fault": { "status": { "code": 500 } } })).await;
    let clients = Arrivals::Closed { clients: 30 };
    let load = Load::new(&spillway.client, clients, Until::Requests(300), |number| {
        if number % 2 == 0 { streamed_chat(4) } else { chat(4) }
    })
    .leaving(|number| {
        if number % 5 == 0 { Patience::Leaves(Duration::from_millis(30)) } else { Patience::ToTheEnd }
    });
    load.run().await;
    end(spillway).await;
}

async fn those_of_a_vm_that_traps(envoy_workers: u32) {
    let spillway =
        held_to(envoy_workers, 8, json!({ "max_wait_ms": 60_000 })).filters(Filters::Chaos).start().await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(hold(&spillway).await);
    }
    until(&spillway, &pool("admitted"), 5).await;
    let mut panics = chat(1);
    panics.headers_mut().insert("x-spillway-chaos", HeaderValue::from_static("load-shedder"));
    let answer = spillway.client.try_send(panics).await;
    println!("{answer:?}");
    // Those of the VM that trapped are cut, all with one Envoy worker; what the others hold is theirs.
    drop(held);
    eventually("all permits are back", Duration::from_secs(30), async || {
        let admitted = spillway.stats().await.own(&pool("admitted"));
        if admitted == 0 { Ok(()) } else { Err(admitted) }
    })
    .await;
    println!("repaired: {}", spillway.stats().await.own(&own("permits_repaired_total")));
    eventually("it serves again", Duration::from_secs(10), async || {
        let answer = spillway.client.send(chat(1)).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.status) }
    })
    .await;
    spillway.end_after_traps(1).await;
}
