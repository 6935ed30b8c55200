//! The disk is bounded.

use crate::harness::{Machine, Store, weights};
use spillway_fixtures::ObjectStore;

#[test]
fn what_was_not_used_for_longest_gives_way() {
    let (store, machine) = (Store::folder(), Machine::new());
    // 0.6 MiB each, of which three fit.
    for (name, about) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        store.publish(name, &weights(10, about));
    }
    let pull = |name| machine.pull_with(&store, name, &["--weights-max-mib", "2"]);
    for name in ["a", "b", "c"] {
        pull(name).is_from("store");
    }
    pull("a").is_from("disk");
    let fourth = pull("d");
    fourth.is_from("store");
    assert!(fourth.log.contains("gives way to d"), "{}", fourth.log);
    assert_eq!(machine.files("blobs").len(), 3);
    for (name, tier) in [("a", "disk"), ("c", "disk"), ("d", "disk"), ("b", "store")] {
        pull(name).is_from(tier);
    }
    store.publish("large", &weights(40, 5));
    pull("large").failed(
        "large of 2599595 bytes does not fit: the disk may hold 2097152 bytes, and 0 bytes are in use",
    );
}

#[test]
fn what_is_there_can_be_listed() {
    let objects = ObjectStore::start();
    let (store, machine) = (Store::bucket(&objects, objects.address()), Machine::new());
    store.publish("b", &weights(3, 1));
    store.publish("a@1", &weights(4, 2));
    machine.pull(&store, "b").is_from("store");
    let listed = machine.list(&store);
    let lines: Vec<_> = listed.output.lines().collect();
    assert!(listed.ok, "{listed:?}");
    assert!(lines[0].starts_with("disk   b ") && lines[0].ends_with(" 174763 bytes, whole"), "{lines:?}");
    assert_eq!(lines[1..], ["store  a@1", "store  b"]);
}
