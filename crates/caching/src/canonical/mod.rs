//! One digest for all ways to write the same request.
//!
//! Clients write the same request differently: members in another order, other white space, `\u0041` for `A`, a field
//! such as `user` that does not change the answer. [`read`] goes over the body once, without a tree, and gives the
//! digest that all of these share, with what else the cache has to know of the request.
//!
//! What counts as the same:
//!
//! - order of members, white space and escapes do not matter, nor do top-level members that the operator names;
//! - everything else does: the order in an array, how a number is written (`1.0` is not `1`: whether a server
//!   tells them apart is not ours to know), the kind of every value.
//!
//! How a value is fed to a hash: a byte for its kind, then what it holds. Text and numbers end with a byte that UTF-8
//! never contains, an array ends with a bracket, an object is the digest of its members. So no two different values
//! are the same bytes. The digest of an object is that of the sorted list of its members' digests with their number:
//! a sum or an exclusive or of them would let a client choose members that cancel each other.
//!
//! A name that comes twice in one object is an error: parsers disagree on which of the two counts, so such a request
//! has no one meaning that an answer could be kept for. Open objects hold two kilobytes of hash state each, on the
//! stack, and 48 bytes for each member; depth, members of an object and hashes in all are limited.

mod cursor;
mod escape;
mod facts;
mod reason;
mod value;

pub use facts::Facts;
pub use reason::Reason;

use crate::digest::Digest;
use cursor::Cursor;
use facts::Top;
use value::Reader;

/// Deeper is nobody's request, and every open object takes stack.
const DEEPEST: usize = 128;

/// How large a body may be in what costs more than its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects and arrays inside of each other, at most 128.
    pub depth: usize,
    /// Members of one object.
    pub members: usize,
    /// Objects and members in all: each takes a hash of its own, which in wasm32 is a fifth of a microsecond.
    pub hashes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, members: 1_024, hashes: 16_384 }
    }
}

/// What [`read`] finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical {
    /// The digest of the body in its canonical form.
    pub digest: Digest,
    /// What the cache has to know of the request.
    pub facts: Facts,
}

/// Reads a whole body. Top-level members named in `ignored_fields` do not go into the digest.
///
/// # Errors
///
/// The [`Reason`] for which the body has no canonical form; it holds nothing of the body.
pub fn read<S: AsRef<str>>(body: &[u8], ignored_fields: &[S], limits: Limits) -> Result<Canonical, Reason> {
    let text = std::str::from_utf8(body).map_err(|_| Reason::NotUtf8)?;
    let is_ignored = |name: &[u8]| ignored_fields.iter().any(|field| field.as_ref().as_bytes() == name);
    let limits = Limits { depth: limits.depth.min(DEEPEST), ..limits };
    let mut top = Top::new(&is_ignored);
    let mut reader = Reader::new(Cursor::new(text.as_bytes()), limits);
    let digest = reader.document(&mut top)?;
    Ok(Canonical { digest, facts: top.facts })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
