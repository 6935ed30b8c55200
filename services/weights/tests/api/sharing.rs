//! Processes of one machine read the store once.

use crate::harness::{Machine, Store, wait, weights};
use spillway_fixtures::{ObjectStore, Proxy};

#[test]
fn a_model_comes_from_the_store_and_then_from_the_disk() {
    let (store, machine) = (Store::folder(), Machine::new());
    let bytes = weights(5, 1);
    assert!(store.publish("m", &bytes).output.ends_with(" bytes, sent\n"));
    assert!(store.publish("m", &bytes).output.ends_with(" bytes, was there already\n"));
    let first = machine.pull(&store, "m");
    assert_eq!(first.is_from("store").fetched(), 5);
    machine.has_only(&bytes);
    assert_eq!(machine.pull(&store, "m").is_from("disk").fetched(), 0);
}

#[test]
fn ten_that_start_at_once_read_the_store_once() {
    let objects = ObjectStore::start();
    let proxy = Proxy::before(objects.address());
    let store = Store::bucket(&objects, proxy.address());
    let bytes = weights(40, 2);
    store.publish("m", &bytes);
    let before = proxy.answered_bytes();
    let machine = Machine::new();
    for round in 0..3 {
        let mut started: Vec<_> = (0..10).map(|_| machine.start(&store, "m", &[])).collect();
        let ended: Vec<_> = started.iter_mut().map(wait).collect();
        assert!(ended.iter().all(|ended| ended.ok), "{ended:?}");
        let from_store = ended.iter().filter(|ended| ended.output.contains("from store")).count();
        assert_eq!(from_store, usize::from(round == 0), "{ended:?}");
    }
    machine.has_only(&bytes);
    let read = proxy.answered_bytes() - before;
    let once = bytes.len() as u64;
    assert!(
        (once..once + once / 10).contains(&read),
        "{read} bytes came from the store, the file has {once}"
    );
}

#[test]
fn who_waits_for_one_that_is_killed_goes_on_itself() {
    let objects = ObjectStore::start();
    let proxy = Proxy::before(objects.address());
    let store = Store::bucket(&objects, proxy.address());
    let bytes = weights(60, 3);
    store.publish("m", &bytes);
    let machine = Machine::new();
    let before = proxy.answered_bytes();
    let mut first = machine.start(&store, "m", &["--weights-parallel", "1"]);
    spillway_fixtures::eventually("some chunks came", || proxy.answered_bytes() - before > 600_000);
    proxy.stall(true);
    let mut second = machine.start(&store, "m", &[]);
    spillway_fixtures::eventually("it waits", || second.log().contains("another process of this machine"));
    first.kill();
    proxy.stall(false);
    let ended = wait(&mut second);
    let fetched = ended.is_from("store").fetched();
    assert!((1..55).contains(&fetched), "{fetched} of 60 chunks: what was there was fetched again");
    machine.has_only(&bytes);
}
