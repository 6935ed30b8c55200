//! A machine: a folder in which processes share weights. A store: a folder, or one that speaks S3.

use spillway_fixtures::{ObjectStore, Process, eventually};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The smallest chunk.
pub(crate) const CHUNK: usize = 65_536;

/// Some chunks that are no multiple, none like another.
pub(crate) fn weights(chunks: usize, about: u8) -> Vec<u8> {
    let word = |number: usize| (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(about.into());
    let all = (0..chunks * CHUNK / 8).flat_map(|number| word(number + 1).to_le_bytes());
    all.take(chunks * CHUNK - CHUNK / 3).collect()
}

/// A file somewhere.
pub(crate) fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) ok: bool,
    pub(crate) output: String,
    pub(crate) log: String,
}

impl Ended {
    /// It went well, and the weights came from there.
    #[track_caller]
    pub(crate) fn is_from(&self, tier: &str) -> &Self {
        assert!(self.ok && self.output.contains(&format!("bytes, from {tier} in ")), "{self:?}");
        self
    }

    /// How many chunks it fetched.
    #[track_caller]
    pub(crate) fn fetched(&self) -> usize {
        let mut fetched = self.log.lines().filter(|line| line.contains("weights are fetched"));
        let chunks = fetched.next().map(|line| line.split("chunks=").nth(1).unwrap());
        assert_eq!(fetched.next(), None, "it fetched more than once");
        chunks.map_or(0, |rest| rest.split(' ').next().unwrap().parse().unwrap())
    }

    /// It failed, and said so with these words.
    #[track_caller]
    pub(crate) fn failed(&self, words: &str) {
        assert!(!self.ok && self.output.is_empty(), "{self:?}");
        let error = self.log.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
        assert!(error.contains(words), "expected {words:?} in {error}");
        assert!(!self.log.contains("panicked"), "{}", self.log);
    }
}

/// Where models are published, and how processes find it.
#[derive(Debug)]
pub(crate) struct Store {
    options: Vec<String>,
    folder: TempDir,
}

impl Store {
    /// A folder.
    pub(crate) fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = vec!["--weights-store".to_owned(), folder.path().to_str().unwrap().to_owned()];
        Self { options, folder }
    }

    /// A bucket, perhaps through something that listens elsewhere.
    pub(crate) fn bucket(store: &ObjectStore, address: SocketAddr) -> Self {
        let place = format!("s3://{}/{}", ObjectStore::BUCKET, store.prefix());
        let credentials = store.credentials().to_str().unwrap();
        let options = [
            ("--weights-store", place.as_str()),
            ("--weights-store-endpoint", &format!("http://{address}")),
            ("--weights-store-credentials-file", credentials),
        ];
        let options = options.into_iter().flat_map(|(option, value)| [option.to_owned(), value.to_owned()]);
        Self { options: options.collect(), folder: tempfile::tempdir().unwrap() }
    }

    /// None.
    pub(crate) fn nowhere() -> Self {
        Self { options: Vec::new(), folder: tempfile::tempdir().unwrap() }
    }

    /// Has `name` stand for these bytes, in the smallest chunks.
    #[track_caller]
    pub(crate) fn publish(&self, name: &str, bytes: &[u8]) -> Ended {
        let path = file(&self.folder, "to-publish", bytes);
        let mut arguments = vec!["publish", name, path.to_str().unwrap(), "--chunk-bytes", "65536"];
        arguments.extend(self.options.iter().map(String::as_str));
        let ended = wait(&mut start(&arguments, self.folder.path()));
        assert!(ended.ok, "{ended:?}");
        ended
    }

    /// The one file of a store that is a folder and has one.
    pub(crate) fn blob(&self) -> PathBuf {
        only(&self.folder.path().join("blobs"))
    }

    /// What a name stands for, in a store that is a folder.
    pub(crate) fn manifest(&self, name: &str) -> PathBuf {
        self.folder.path().join("models").join(format!("{name}.json"))
    }
}

/// A machine, which has a disk.
#[derive(Debug)]
pub(crate) struct Machine {
    folder: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn disk(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Starts to pull a model.
    pub(crate) fn start(&self, store: &Store, name: &str, more: &[&str]) -> Process {
        let disk = self.disk();
        let mut arguments = vec!["pull", name, "--weights-dir", disk.to_str().unwrap()];
        arguments.extend(store.options.iter().map(String::as_str));
        arguments.extend(more);
        start(&arguments, self.folder.path())
    }

    /// Pulls a model.
    pub(crate) fn pull(&self, store: &Store, name: &str) -> Ended {
        self.pull_with(store, name, &[])
    }

    pub(crate) fn pull_with(&self, store: &Store, name: &str, more: &[&str]) -> Ended {
        wait(&mut self.start(store, name, more))
    }

    /// Lists what is here and in the store.
    pub(crate) fn list(&self, store: &Store) -> Ended {
        let disk = self.disk();
        let mut arguments = vec!["list", "--weights-dir", disk.to_str().unwrap()];
        arguments.extend(store.options.iter().map(String::as_str));
        wait(&mut start(&arguments, self.folder.path()))
    }

    /// The files of a kind: `blobs` or `models`.
    pub(crate) fn files(&self, kind: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(self.disk().join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort_unstable();
        files
    }

    /// The one whole file.
    #[track_caller]
    pub(crate) fn blob(&self) -> PathBuf {
        only(&self.disk().join("blobs"))
    }

    /// There is one file, and it is this.
    #[track_caller]
    pub(crate) fn has_only(&self, bytes: &[u8]) {
        assert!(fs::read(self.blob()).unwrap() == bytes, "the file on disk is another one");
    }

    /// What a name stands for here.
    pub(crate) fn pointer(&self, name: &str) -> PathBuf {
        self.disk().join("models").join(format!("{name}.json"))
    }
}

#[track_caller]
fn only(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let first = files.next().unwrap();
    assert_eq!(files.next(), None, "there is more than one");
    first
}

static STARTED: AtomicU32 = AtomicU32::new(0);

fn start(arguments: &[&str], folder: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spillway-weights"));
    command.args(arguments);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    Process::start(&format!("weights-{number}"), command, folder)
}

/// The end of a process.
#[track_caller]
pub(crate) fn wait(process: &mut Process) -> Ended {
    let mut status = None;
    eventually("the program ends", || {
        status = process.ended();
        status.is_some()
    });
    Ended { ok: status.unwrap().success(), output: process.output(), log: process.log() }
}

/// The program, with these arguments.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    wait(&mut start(arguments, folder.path()))
}
