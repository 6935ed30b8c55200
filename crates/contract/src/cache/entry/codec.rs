//! An entry as bytes, and back.

use super::{Damage, EntryRef};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

/// The version that this release writes and reads.
pub const VERSION: u8 = 1;

/// The most bytes of metadata: what is not the body.
pub const MAX_METADATA_BYTES: usize = 65_536;

/// The most headers.
pub const MAX_HEADERS: usize = 64;

const MAGIC: [u8; 3] = *b"SWE";
/// Magic, version, length of the metadata.
const HEAD_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 8;

/// What is encoded with postcard. Fields are told apart by their order: a change of it is a new version.
#[derive(Serialize, Deserialize)]
struct Metadata<'a> {
    key: [u8; 32],
    stored_at_ms: u64,
    fresh_ms: u64,
    stale_ms: u64,
    stale_while_revalidate_ms: u64,
    stale_if_error_ms: u64,
    status: u16,
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a [u8])>,
    tenant: Option<[u8; 32]>,
    model: &'a str,
    revision: &'a str,
}

pub(super) fn encode(entry: &EntryRef<'_>) -> Result<Vec<u8>, Damage> {
    if entry.headers.len() > MAX_HEADERS {
        return Err(Damage::TooManyHeaders(entry.headers.len()));
    }
    let mut bytes = Vec::with_capacity(HEAD_BYTES + 512 + entry.body.len() + CHECKSUM_BYTES);
    bytes.extend(MAGIC);
    bytes.push(VERSION);
    bytes.extend([0; 4]);
    // Writing to memory fails only for a lack of it.
    let mut bytes = postcard::to_extend(&metadata(entry), bytes).map_err(|_| Damage::Metadata)?;
    let length = bytes.len().saturating_sub(HEAD_BYTES);
    let number = u32::try_from(length).ok().filter(|_| length <= MAX_METADATA_BYTES);
    let number = number.ok_or(Damage::MetadataTooLong(length))?;
    if let Some(place) = bytes.get_mut(HEAD_BYTES - 4..HEAD_BYTES) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(entry.body);
    let checksum = XxHash64::oneshot(0, &bytes);
    bytes.extend(checksum.to_le_bytes());
    Ok(bytes)
}

/// The key is the metadata's first field, and postcard writes an array as it is.
pub(super) fn key_of(bytes: &[u8]) -> Option<&[u8; 32]> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let rest = head.starts_with(&MAGIC).then_some(rest)?;
    (head.get(MAGIC.len()) == Some(&VERSION)).then(|| rest.first_chunk())?
}

pub(super) fn decode(bytes: &[u8]) -> Result<EntryRef<'_>, Damage> {
    let too_short = Damage::TooShort(bytes.len());
    let (checked, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(too_short)?;
    let (magic, rest) = checked.split_first_chunk::<3>().ok_or(too_short)?;
    if *magic != MAGIC {
        return Err(Damage::NotAnEntry);
    }
    let (version, rest) = rest.split_first().ok_or(too_short)?;
    if *version != VERSION {
        return Err(Damage::Version(*version));
    }
    if XxHash64::oneshot(0, checked) != u64::from_le_bytes(*checksum) {
        return Err(Damage::Checksum);
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(too_short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_METADATA_BYTES {
        return Err(Damage::MetadataTooLong(length));
    }
    let (metadata, body) = rest.split_at_checked(length).ok_or(Damage::Metadata)?;
    entry(metadata, body)
}

fn entry<'a>(metadata: &'a [u8], body: &'a [u8]) -> Result<EntryRef<'a>, Damage> {
    let (metadata, left): (Metadata<'a>, _) =
        postcard::take_from_bytes(metadata).map_err(|_| Damage::Metadata)?;
    if !left.is_empty() {
        return Err(Damage::Metadata);
    }
    if metadata.headers.len() > MAX_HEADERS {
        return Err(Damage::TooManyHeaders(metadata.headers.len()));
    }
    Ok(EntryRef {
        key: metadata.key,
        stored_at_ms: metadata.stored_at_ms,
        fresh_ms: metadata.fresh_ms,
        stale_ms: metadata.stale_ms,
        stale_while_revalidate_ms: metadata.stale_while_revalidate_ms,
        stale_if_error_ms: metadata.stale_if_error_ms,
        status: metadata.status,
        headers: metadata.headers,
        tenant: metadata.tenant,
        model: metadata.model,
        revision: metadata.revision,
        body,
    })
}

fn metadata<'a>(entry: &EntryRef<'a>) -> Metadata<'a> {
    Metadata {
        key: entry.key,
        stored_at_ms: entry.stored_at_ms,
        fresh_ms: entry.fresh_ms,
        stale_ms: entry.stale_ms,
        stale_while_revalidate_ms: entry.stale_while_revalidate_ms,
        stale_if_error_ms: entry.stale_if_error_ms,
        status: entry.status,
        headers: entry.headers.clone(),
        tenant: entry.tenant,
        model: entry.model,
        revision: entry.revision,
    }
}
