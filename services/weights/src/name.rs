//! Names of models.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes.
pub const MAX_BYTES: usize = 128;

/// A model's name, which is also the name of a file and of an object: letters, digits, `.`, `_`, `-` and `@`, of which the
/// first is a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

/// A text that is no name of a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name of a model: expected 1 to {MAX_BYTES} letters, digits, '.', '_', '-' or '@', of which the first is a letter or a digit"
)]
pub struct NoName(String);

impl ModelName {
    /// The name as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ModelName {
    type Error = NoName;

    fn try_from(text: String) -> Result<Self, NoName> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        if begins && text.len() <= MAX_BYTES && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            // What came may be long; its beginning tells enough.
            Err(NoName(text.chars().take(MAX_BYTES).collect()))
        }
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_files_and_no_more() {
        for name in ["m", "SmolLM2-135M-Instruct", "7b_v1.5@2026-11-01", &"a".repeat(MAX_BYTES)] {
            assert_eq!(name.parse::<ModelName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(MAX_BYTES + 1);
        for no_name in
            ["", ".", "..", "../m", "a/b", "a\\b", "-m", "@m", "a b", "ä", "a\0", "a\n", "a%2fb", &long]
        {
            let error = no_name.parse::<ModelName>().unwrap_err().to_string();
            assert!(error.contains("is no name of a model: expected 1 to 128"), "{error}");
            assert!(error.len() < 400, "{error}");
        }
    }
}
