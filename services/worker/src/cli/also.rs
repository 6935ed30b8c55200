//! One more language model.

use spillway_weights::ModelName;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What stands before a name of the weights cache.
const CACHED: &str = "weights:";

/// A language model beside the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlsoModel {
    /// Its name in requests.
    pub name: String,
    /// Where it comes from.
    pub from: AlsoFrom,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlsoFrom {
    /// A file in GGUF format.
    File(PathBuf),
    /// The weights cache, by that name.
    Weights(ModelName),
}

impl FromStr for AlsoModel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, from) = text
            .split_once('=')
            .filter(|(name, from)| !name.is_empty() && !from.is_empty())
            .ok_or("expected NAME=FILE or NAME=weights:NAME")?;
        let from = match from.strip_prefix(CACHED) {
            Some(cached) => AlsoFrom::Weights(cached.parse().map_err(|error| format!("{CACHED} {error}"))?),
            None => AlsoFrom::File(from.into()),
        };
        Ok(Self { name: name.to_owned(), from })
    }
}

impl fmt::Display for AlsoModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            AlsoFrom::File(file) => write!(f, "{}={}", self.name, file.display()),
            AlsoFrom::Weights(name) => write!(f, "{}={CACHED}{name}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_where_it_comes_from() {
        let also: AlsoModel = "large=/models/a=b.gguf".parse().unwrap();
        assert_eq!((also.name.as_str(), also.to_string()), ("large", "large=/models/a=b.gguf".to_owned()));
        assert_eq!(also.from, AlsoFrom::File("/models/a=b.gguf".into()));
        let also: AlsoModel = "large=weights:llama-3".parse().unwrap();
        assert_eq!(also.from, AlsoFrom::Weights("llama-3".parse().unwrap()));
        for text in ["", "large", "large=", "=file"] {
            assert_eq!(
                text.parse::<AlsoModel>().unwrap_err(),
                "expected NAME=FILE or NAME=weights:NAME",
                "{text:?}"
            );
        }
        assert!("large=weights:../x".parse::<AlsoModel>().unwrap_err().starts_with("weights: "));
    }
}
