//! How important a request is.
//!
//! Levels are numbers, of which the smaller is the more important; an operator gives them names. Who a request is from
//! decides its level. A client may ask for another one: a less important one always, a more important one only where
//! the operator trusts what the client says.

use serde::{Deserialize, Serialize};

/// The most levels that a pool can have. Records have room for as many.
pub const MAX_LEVELS: usize = 8;

/// How important a request is: 0 is the most important.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Level(pub u8);

impl Level {
    /// The most important one.
    pub const TOP: Self = Self(0);

    /// Its place in tables that have one entry per level.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The levels of a pool, the most important first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    names: Vec<String>,
}

/// Why names are no levels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelsError {
    /// Not one.
    #[error("there is no level: expected 1 to {MAX_LEVELS} names")]
    None,
    /// More than [`MAX_LEVELS`].
    #[error("{0} levels: expected 1 to {MAX_LEVELS} names")]
    TooMany(usize),
    /// A level without a name.
    #[error("a level has an empty name")]
    Empty,
    /// Two levels of one name.
    #[error("two levels are called {0:?}")]
    Duplicate(String),
}

impl Levels {
    /// Levels of these names, the most important first.
    ///
    /// # Errors
    ///
    /// [`LevelsError`] when there are none or too many, or a name is empty or given twice.
    pub fn new(names: Vec<String>) -> Result<Self, LevelsError> {
        if names.is_empty() {
            return Err(LevelsError::None);
        }
        if names.len() > MAX_LEVELS {
            return Err(LevelsError::TooMany(names.len()));
        }
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(LevelsError::Empty);
            }
            if names.iter().take(at).any(|other| other == name) {
                return Err(LevelsError::Duplicate(name.clone()));
            }
        }
        Ok(Self { names })
    }

    /// The level of that name; case counts.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Level> {
        (0..).zip(&self.names).find(|(_, other)| *other == name).map(|(at, _)| Level(at))
    }

    /// What a level is called. One beyond the last is called like the last.
    #[must_use]
    pub fn name(&self, level: Level) -> &str {
        self.names.get(level.index()).or(self.names.last()).map_or("", String::as_str)
    }

    /// The least important one.
    #[must_use]
    pub fn lowest(&self) -> Level {
        Level(u8::try_from(self.count().saturating_sub(1)).unwrap_or(u8::MAX))
    }

    /// How many there are, 1 to [`MAX_LEVELS`].
    #[must_use]
    pub const fn count(&self) -> usize {
        self.names.len()
    }

    /// All of them with their names, the most important first.
    pub fn iter(&self) -> impl Iterator<Item = (Level, &str)> {
        (0..).zip(&self.names).map(|(at, name)| (Level(at), name.as_str()))
    }
}

impl Default for Levels {
    /// `critical`, `standard`, `sheddable`.
    fn default() -> Self {
        Self { names: ["critical", "standard", "sheddable"].map(str::to_owned).to_vec() }
    }
}

/// The level of a request: what it was `assigned`, unless its client asked for another one. A client that is not
/// `trusted` can only lower it.
#[must_use]
pub fn requested(assigned: Level, asked: Option<Level>, trusted: bool) -> Level {
    match asked {
        Some(asked) if trusted => asked,
        Some(asked) => asked.max(assigned),
        None => assigned,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[track_caller]
    fn refused(names: &[&str], expected: &str) {
        let error = Levels::new(names.iter().map(|name| (*name).to_owned()).collect()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn names_that_are_no_levels() {
        refused(&[], "there is no level: expected 1 to 8 names");
        refused(&["a"; 9], "9 levels: expected 1 to 8 names");
        refused(&["a", ""], "a level has an empty name");
        refused(&["a", "b", "a"], "two levels are called \"a\"");
    }

    #[test]
    fn names_and_numbers() {
        let levels = Levels::default();
        assert_eq!(levels.named("standard"), Some(Level(1)));
        assert_eq!(levels.named("Standard"), None);
        assert_eq!((levels.lowest(), levels.count()), (Level(2), 3));
        assert_eq!((levels.name(Level(0)), levels.name(Level(9))), ("critical", "sheddable"));
        assert_eq!(levels.iter().last(), Some((Level(2), "sheddable")));
    }

    #[test]
    fn a_client_lowers_its_level_and_only_a_trusted_one_raises_it() {
        let cases = [
            (1, None, false, 1),
            (1, Some(2), false, 2),
            (1, Some(0), false, 1),
            (1, Some(0), true, 0),
            (0, Some(2), true, 2),
        ];
        for (assigned, asked, trusted, expected) in cases {
            assert_eq!(requested(Level(assigned), asked.map(Level), trusted), Level(expected));
        }
    }
}
