//! Wrong names, files and places.

use crate::harness::{Machine, Store, file, run, weights};

#[test]
fn names_with_tricks_are_refused_before_anything_is_looked_for() {
    for name in ["../m", "a/b", ".hidden", "%2e%2e", "", "a b"] {
        let folder = tempfile::tempdir().unwrap();
        let ended = run(&["pull", name, "--weights-dir", folder.path().to_str().unwrap()]);
        assert!(
            !ended.ok && ended.log.contains("is no name of a model: expected 1 to 128 letters"),
            "{ended:?}"
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn what_is_not_there_is_named() {
    let (store, machine) = (Store::folder(), Machine::new());
    store.publish("m", &weights(2, 1));
    machine.pull(&store, "other").failed("the store has no model other");
    let pin = "0".repeat(64);
    machine
        .pull_with(&store, "m", &["--sha256", &pin])
        .failed(&format!("m is to be the file {pin}, but stands for "));
    let ended = run(&["pull", "m", "--sha256", "abc"]);
    assert!(ended.log.contains("expected a SHA-256: 64 hexadecimal digits in lower case"), "{ended:?}");
}

#[test]
fn only_a_file_with_something_in_it_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let publish = |path: &str, more: &[&str]| run(&[&["publish", "m", path], more].concat());
    let empty = file(&folder, "empty", b"");
    let store = ["--weights-store", place];
    publish(empty.to_str().unwrap(), &store).failed("empty is empty");
    publish("/nowhere/m.gguf", &store).failed("cannot open /nowhere/m.gguf");
    publish(empty.to_str().unwrap(), &[]).failed("--weights-store is needed: where to send it");
    publish(empty.to_str().unwrap(), &["--weights-store", "/nowhere"])
        .failed("the store /nowhere is no folder");
    let ended = publish(empty.to_str().unwrap(), &["--weights-store", "http://a"]);
    assert!(ended.log.contains("expected s3://BUCKET, s3://BUCKET/PREFIX, or a folder"), "{ended:?}");
}

#[test]
fn secrets_stand_in_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let credentials =
        file(&folder, "credentials", b"aws_access_key_id = a\naws_secret_access_key = MARKER-0816\n");
    let password = file(&folder, "password", b"MARKER-0817");
    let ended = Machine::new().pull_with(
        &Store::nowhere(),
        "m",
        &[
            "--weights-store=s3://models",
            "--weights-store-endpoint=http://127.0.0.1:9",
            "--weights-attempts=1",
            "--weights-redis-url=redis://127.0.0.1:9",
            "--log=trace",
            "--weights-store-credentials-file",
            credentials.to_str().unwrap(),
            "--weights-redis-password-file",
            password.to_str().unwrap(),
        ],
    );
    ended.failed("the store: there is no connection");
    assert!(!ended.log.contains("MARKER-08"), "{}", ended.log);
}
