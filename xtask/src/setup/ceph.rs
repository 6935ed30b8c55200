//! Ceph: a real S3 gateway for the cache tier's tests, run for as long as they take.

use super::{apt, step};
use crate::command::find;
use crate::layout::Layout;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PROGRAMS: &[&str] = &["ceph", "ceph-mon", "ceph-osd", "radosgw", "curl"];

/// A cluster of one of everything, which ends when this is dropped.
pub(crate) struct Ceph {
    child: Child,
    folder: PathBuf,
    endpoint: String,
}

impl Ceph {
    /// Installs what is missing, where that is possible, and starts it.
    pub(crate) fn start(layout: &Layout) -> Result<Self> {
        if PROGRAMS.iter().any(|program| find(program).is_none()) {
            apt::install(&["ceph-mon", "ceph-osd", "radosgw", "curl"], "Ceph")?;
        }
        let folder = layout.target().join(format!("ceph-{}", std::process::id()));
        step("Ceph", "starting a monitor, an OSD and a gateway");
        let script = layout.root().join("tests/ceph/start.sh");
        let mut command = Command::new(script);
        let mut child = command.arg(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let said = first_line(&mut child)?;
        let ceph = |endpoint: &str| Self { child, folder, endpoint: endpoint.to_owned() };
        match said.strip_prefix("ready ") {
            Some(endpoint) => Ok(ceph(endpoint)),
            None => {
                drop(ceph(""));
                bail!("Ceph did not start; it said: {said}")
            }
        }
    }

    /// Where the gateway is.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The file with the access key.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.folder.join("credentials")
    }
}

fn first_line(child: &mut Child) -> Result<String> {
    let out = child.stdout.take().context("the script has no output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

impl Drop for Ceph {
    fn drop(&mut self) {
        // The script ends when its input does, and everything that it started with it.
        drop(self.child.stdin.take());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(Path::new(&self.folder)));
    }
}
