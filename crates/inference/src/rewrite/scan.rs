//! Where the wanted members of an object are, by the parser that reads the facts too.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::RewriteError;
use crate::facts::FactsError;

/// What was found in a body.
pub(super) struct Found<'a> {
    /// The value of each wanted member, in the order of the names; `None` where there is no such member.
    pub(super) values: Vec<Option<Text<'a>>>,
    /// The object has no members at all.
    pub(super) is_empty: bool,
}

/// The text of a value, and where in the body it is, in bytes.
#[derive(Clone)]
pub(super) struct Text<'a> {
    pub(super) json: &'a str,
    pub(super) place: Range<usize>,
}

/// Looks for the members of these names.
pub(super) fn find<'a>(body: &'a [u8], names: &[&str]) -> Result<Found<'a>, RewriteError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Members { names }).and_then(|read| json.end().map(|()| read));
    let Read { values, twice, is_empty } = read.map_err(|error| FactsError::of(&error))?;
    if twice || has_repeats(names) {
        return Err(RewriteError::Twice);
    }
    Ok(Found {
        values: values.into_iter().map(|value| Some(Text::of(body, value?.get()))).collect(),
        is_empty,
    })
}

fn has_repeats(names: &[&str]) -> bool {
    names.iter().enumerate().any(|(at, name)| names.iter().take(at).any(|earlier| earlier == name))
}

impl<'a> Text<'a> {
    /// `json` is a part of `body`, so that the distance of their beginnings is its place.
    fn of(body: &'a [u8], json: &'a str) -> Self {
        let start = json.as_ptr().addr().saturating_sub(body.as_ptr().addr());
        Self { json, place: start..start.saturating_add(json.len()) }
    }
}

/// What the parser saw.
struct Read<'a> {
    values: Vec<Option<&'a RawValue>>,
    /// One of the wanted names came more than once.
    twice: bool,
    is_empty: bool,
}

/// Reads the members of the body.
struct Members<'n> {
    names: &'n [&'n str],
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Read<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Read<'de>, A::Error> {
        let mut read = Read { values: vec![None; self.names.len()], twice: false, is_empty: true };
        while let Some(which) = members.next_key_seed(Which { names: self.names })? {
            read.is_empty = false;
            match which.and_then(|which| read.values.get_mut(which)) {
                Some(value) => read.twice |= value.replace(members.next_value()?).is_some(),
                None => members.next_value::<Skipped>().map(drop)?,
            }
        }
        Ok(read)
    }
}

/// Reads a name: which of the wanted ones it is.
struct Which<'n> {
    names: &'n [&'n str],
}

impl<'de> DeserializeSeed<'de> for Which<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Which<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|wanted| *wanted == name))
    }
}

/// A value that is read and forgotten. Unlike serde's `IgnoredAny`, which nests without end and takes escapes that are
/// no characters, it is refused where a server that reads all of the body would refuse it.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}
