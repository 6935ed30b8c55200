//! A file into the store.

use crate::digest::{Digest, Hasher};
use crate::manifest::{Manifest, VERSION};
use crate::name::ModelName;
use crate::progress::{Progress, Step};
use crate::tiers::Store;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tokio::task::block_in_place;

/// What publishing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What the name stands for now.
    pub manifest: Manifest,
    /// Whether the file was sent; else the store had it.
    pub was_sent: bool,
}

/// Sends a file to the store, unless it has it, and has the name stand for it. In this order, so that nobody learns of a
/// file that is not there yet.
///
/// # Errors
/// When the file cannot be read, changes meanwhile, or is not taken.
pub async fn publish(
    store: &Store,
    name: &ModelName,
    path: &Path,
    chunk_bytes: u32,
    progress: &Progress,
) -> Result<Published> {
    let bytes = open(path)?.metadata()?.len();
    progress.begin(Step::Verifying, bytes);
    let manifest = block_in_place(|| describe(name, path, chunk_bytes, progress))?;
    manifest.check(name)?;
    let has = store.has(manifest.sha256, manifest.bytes).await?;
    if !has {
        progress.begin(Step::Fetching, manifest.bytes);
        send(store, path, &manifest, progress).await?;
    }
    store.name(&manifest).await?;
    progress.begin(Step::Done, manifest.bytes);
    progress.set(manifest.bytes);
    Ok(Published { manifest, was_sent: !has })
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

fn describe(name: &ModelName, path: &Path, chunk_bytes: u32, progress: &Progress) -> Result<Manifest> {
    let mut file = open(path)?;
    let mut buffer = vec![0; usize::try_from(chunk_bytes)?];
    let (mut whole, mut chunks, mut bytes) = (Hasher::default(), Vec::new(), 0);
    loop {
        let chunk =
            fill(&mut file, &mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
        if chunk.is_empty() {
            break;
        }
        whole.update(chunk);
        chunks.push(Digest::of(chunk));
        bytes += chunk.len() as u64;
        progress.add(chunk.len() as u64);
    }
    ensure!(bytes > 0, "{} is empty", path.display());
    Ok(Manifest { version: VERSION, name: name.clone(), bytes, sha256: whole.finish(), chunk_bytes, chunks })
}

async fn send(store: &Store, path: &Path, manifest: &Manifest, progress: &Progress) -> Result<()> {
    let mut file = open(path)?;
    let mut buffer = vec![0; usize::try_from(manifest.chunk_bytes)?];
    let mut whole = Hasher::default();
    let mut upload = store.write(manifest.sha256).await?;
    loop {
        let chunk = block_in_place(|| fill(&mut file, &mut buffer))?;
        if chunk.is_empty() {
            break;
        }
        whole.update(chunk);
        upload.write(chunk).await?;
        progress.add(chunk.len() as u64);
    }
    if whole.finish() != manifest.sha256 {
        upload.give_up().await;
        bail!("{} was changed while it was read", path.display());
    }
    Ok(upload.finish().await?)
}

/// As much as fits, or what is left of the file.
fn fill<'a>(file: &mut File, buffer: &'a mut [u8]) -> std::io::Result<&'a [u8]> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match file.read(free)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}
