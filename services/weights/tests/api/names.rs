//! What a name stands for, and for how long that is believed.

use crate::harness::{Machine, Store, file, wait, weights};
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

/// As if the store had been asked two hours ago.
fn age(machine: &Machine, name: &str) {
    let pointer = File::options().write(true).open(machine.pointer(name)).unwrap();
    pointer.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
}

#[test]
fn a_name_is_believed_for_a_while_and_then_asked_for() {
    let (store, machine) = (Store::folder(), Machine::new());
    let (old, new) = (weights(3, 1), weights(4, 2));
    store.publish("m", &old);
    machine.pull(&store, "m").is_from("store");
    store.publish("m", &new);
    machine.pull(&store, "m").is_from("disk");
    machine.has_only(&old);
    age(&machine, "m");
    machine.pull(&store, "m").is_from("store");
    assert_eq!(machine.files("blobs").len(), 2, "the old file stays while there is room");
    machine.pull(&store, "m").is_from("disk");
}

#[test]
fn two_names_of_one_file_share_it() {
    let (store, machine) = (Store::folder(), Machine::new());
    let bytes = weights(3, 1);
    store.publish("m", &bytes);
    store.publish("m@1", &bytes);
    machine.pull(&store, "m").is_from("store");
    machine.pull(&store, "m@1").is_from("disk");
    machine.has_only(&bytes);
}

#[test]
fn without_the_store_what_is_there_serves() {
    let (store, machine) = (Store::folder(), Machine::new());
    let bytes = weights(3, 1);
    store.publish("m", &bytes);
    machine.pull(&store, "m").is_from("store");
    age(&machine, "m");
    let folder = tempfile::tempdir().unwrap();
    let key = file(&folder, "key", b"aws_access_key_id = a\naws_secret_access_key = b\n");
    // A port on which nobody listens.
    let gone = [
        "--weights-store=s3://models",
        "--weights-store-endpoint=http://127.0.0.1:9",
        "--weights-store-credentials-file",
        key.to_str().unwrap(),
    ];
    let nowhere = Machine::new();
    let pull = |machine: &Machine| {
        let mut process = machine.start(&Store::nowhere(), "m", &gone);
        wait(&mut process)
    };
    let served = pull(&machine);
    served.is_from("disk");
    assert!(served.log.contains("m is taken as it was when the store answered last"), "{}", served.log);
    machine.has_only(&bytes);
    nowhere
        .pull_with(&Store::nowhere(), "m", &[gone.as_slice(), &["--weights-attempts", "2"]].concat())
        .failed("the store: there is no connection");
    machine.pull_with(&Store::nowhere(), "m", &[]).is_from("disk");
    nowhere.pull_with(&Store::nowhere(), "m", &[]).failed("m is not on this machine, and there is no store");
}

#[test]
fn a_name_that_cannot_be_read_here_is_asked_for_again() {
    let (store, machine) = (Store::folder(), Machine::new());
    store.publish("m", &weights(3, 1));
    machine.pull(&store, "m").is_from("store");
    for text in ["", "{", "{\"version\":1}"] {
        fs::write(machine.pointer("m"), text).unwrap();
        let again = machine.pull(&store, "m");
        again.is_from("disk");
        assert!(again.log.contains("is asked for again"), "{}", again.log);
    }
}
