//! From JSON text to a digest.

use std::hash::Hasher as _;

use twox_hash::XxHash64;

use super::cursor::Cursor;
use super::facts::Top;
use super::{Limits, Reason};
use crate::digest::{Digest, Hasher, Kind};

/// Reads one document.
pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
    limits: Limits,
    /// How many more objects and members there may be.
    left: usize,
}

/// A member of an object, as much as is kept of it.
struct Member {
    /// A hash of its name, by which members are sorted and a name that comes twice is found. Two names that share one
    /// by chance, or because a client made them so, are taken for a name that comes twice: no harm to anybody else.
    name: u64,
    digest: Digest,
    counts: bool,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(cursor: Cursor<'a>, limits: Limits) -> Self {
        Self { cursor, limits, left: limits.hashes }
    }

    /// The whole text, which is one object.
    pub(super) fn document(&mut self, top: &mut Top<'_>) -> Result<Digest, Reason> {
        match self.cursor.peek() {
            Some(b'{') => {}
            Some(_) => return Err(Reason::NotAnObject),
            None => return Err(Reason::NotJson),
        }
        let digest = self.object(1, Some(top))?;
        if self.cursor.peek().is_some() { Err(Reason::TrailingText) } else { Ok(digest) }
    }

    /// Any value. `depth` is how many objects and arrays it lies in.
    fn value(&mut self, depth: usize, into: &mut Hasher) -> Result<(), Reason> {
        match self.cursor.peek().ok_or(Reason::NotJson)? {
            b'{' => {
                let digest = self.object(depth + 1, None)?;
                into.byte(b'{');
                into.update(digest.as_bytes());
            }
            b'[' => self.array(depth + 1, into)?,
            b'"' => {
                into.byte(b'"');
                self.cursor.string(|piece| into.update(piece))?;
                into.end_text();
            }
            b'-' | b'0'..=b'9' => {
                into.byte(b'#');
                into.update(self.cursor.number()?);
                into.end_text();
            }
            b't' => self.literal(b"true", into)?,
            b'f' => self.literal(b"false", into)?,
            b'n' => self.literal(b"null", into)?,
            _ => return Err(Reason::NotJson),
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8], into: &mut Hasher) -> Result<(), Reason> {
        self.cursor.literal(word)?;
        // No other value begins with its letter.
        into.update(word);
        Ok(())
    }

    fn array(&mut self, depth: usize, into: &mut Hasher) -> Result<(), Reason> {
        self.check_depth(depth)?;
        self.cursor.expect(b'[')?;
        into.byte(b'[');
        if !self.cursor.take(b']') {
            loop {
                self.value(depth, into)?;
                if !self.cursor.take(b',') {
                    break;
                }
            }
            self.cursor.expect(b']')?;
        }
        into.byte(b']');
        Ok(())
    }

    /// An object. `top` is told of its members, if it is the outermost one.
    fn object(&mut self, depth: usize, mut top: Option<&mut Top<'_>>) -> Result<Digest, Reason> {
        self.check_depth(depth)?;
        self.count()?;
        self.cursor.expect(b'{')?;
        let mut hasher = Hasher::new(Kind::Member);
        let mut members = Vec::new();
        if !self.cursor.take(b'}') {
            loop {
                if members.len() >= self.limits.members {
                    return Err(Reason::TooManyMembers);
                }
                members.push(self.member(depth, &mut hasher, top.as_deref_mut())?);
                if !self.cursor.take(b',') {
                    break;
                }
            }
            self.cursor.expect(b'}')?;
        }
        combined(members, &mut hasher)
    }

    fn member(
        &mut self,
        depth: usize,
        hasher: &mut Hasher,
        mut top: Option<&mut Top<'_>>,
    ) -> Result<Member, Reason> {
        self.count()?;
        hasher.begin(Kind::Member);
        if let Some(top) = &mut top {
            top.name.clear();
        }
        let mut name = XxHash64::with_seed(0);
        self.cursor.string(|piece| {
            hasher.update(piece);
            name.write(piece);
            if let Some(top) = &mut top {
                top.name.extend_from_slice(piece);
            }
        })?;
        hasher.end_text();
        self.cursor.expect(b':')?;
        self.cursor.peek();
        let before = self.cursor;
        self.value(depth, hasher)?;
        let counts = top.is_none_or(|top| top.member(before.until(self.cursor)));
        Ok(Member { name: name.finish(), digest: hasher.finish(), counts })
    }

    /// One more object or member.
    fn count(&mut self) -> Result<(), Reason> {
        self.left = self.left.checked_sub(1).ok_or(Reason::TooMuch)?;
        Ok(())
    }

    fn check_depth(&self, depth: usize) -> Result<(), Reason> {
        if depth > self.limits.depth { Err(Reason::TooDeep) } else { Ok(()) }
    }
}

fn combined(mut members: Vec<Member>, hasher: &mut Hasher) -> Result<Digest, Reason> {
    members.sort_unstable_by_key(|member| member.name);
    if !members.is_sorted_by(|one, next| one.name < next.name) {
        return Err(Reason::DuplicateName);
    }
    hasher.begin(Kind::Object);
    hasher.number(members.iter().filter(|member| member.counts).count() as u64);
    members.iter().filter(|member| member.counts).for_each(|member| hasher.update(member.digest.as_bytes()));
    Ok(hasher.finish())
}
