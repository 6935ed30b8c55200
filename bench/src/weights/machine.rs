//! A machine with an empty disk, and the program that loads weights there.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use spillway_fixtures::ObjectStore;
use tempfile::TempDir;

const MODEL: &str = "default";

/// Where the model is published, and how it is reached.
pub(super) struct Store {
    options: Vec<String>,
}

/// A machine.
pub(super) struct Machine {
    folder: TempDir,
}

/// A load under way.
pub(super) struct Load(Child);

/// A load that succeeded.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The farthest tier that was needed.
    pub(super) tier: String,
    /// How long it took.
    pub(super) seconds: f64,
}

impl Store {
    pub(super) fn new(objects: &ObjectStore, address: SocketAddr) -> Self {
        let options = [
            format!("--weights-store=s3://{}/{}", ObjectStore::BUCKET, objects.prefix()),
            format!("--weights-store-endpoint=http://{address}"),
            format!("--weights-store-credentials-file={}", objects.credentials().display()),
        ];
        Self { options: options.into() }
    }

    /// Sends the file there; returns how many bytes it has.
    pub(super) fn publish(&self, file: &OsStr) -> Result<u64> {
        let mut command = program()?;
        let output = command.args(["publish", MODEL]).arg(file).args(&self.options).output()?;
        ensure!(output.status.success(), "not published: {}", String::from_utf8_lossy(&output.stderr));
        Ok(PathBuf::from(file).metadata()?.len())
    }
}

impl Machine {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    /// Starts to load the model.
    pub(super) fn pull(&self, store: &Store) -> Result<Load> {
        let mut command = program()?;
        command.args(["pull", MODEL, "--log", "warn", "--weights-dir"]).arg(self.folder.path());
        command.args(&store.options).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Load(command.spawn()?))
    }
}

impl Load {
    /// Waits for its end: `<name> <sha256> <bytes> bytes, from <tier> in <seconds> s`.
    pub(super) fn ended(self) -> Result<Loaded> {
        let output = self.0.wait_with_output()?;
        let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "not loaded: {log}");
        let parsed = said.trim_end().split_once(" bytes, from ").and_then(|(_, rest)| {
            let (tier, seconds) = rest.strip_suffix(" s")?.split_once(" in ")?;
            Some(Loaded { tier: tier.to_owned(), seconds: seconds.parse().ok()? })
        });
        parsed.with_context(|| format!("it said {said:?}"))
    }
}

fn program() -> Result<Command> {
    let named = std::env::var_os("SPILLWAY_WEIGHTS").context("SPILLWAY_WEIGHTS names no program")?;
    Ok(Command::new(named))
}
