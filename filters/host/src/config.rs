//! Configuration: JSON in, a checked value or an error that names the field out.
//!
//! Ranges are types ([`crate::Ranged`]), so that a value which exists is a value in range, and the error carries
//! the path of the field, what came and what was expected. What a filter does with the error: it logs it and
//! answers `false` from `on_configure`; Envoy then refuses the new configuration and keeps the running one.

use serde::de::DeserializeOwned;

use crate::{Buffer, Host, HostError};

/// The most bytes of configuration that are read.
const MAX_BYTES: usize = 4 << 20;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The host did not hand it over.
    #[error("configuration cannot be read: {0}")]
    Host(#[from] HostError),
    /// Not JSON, an unknown field, a wrong type, or a value out of range.
    #[error("{path}: {reason}")]
    Field {
        /// The field's path, as in `rules[0].mode`; `.` for the whole.
        path: String,
        /// What came and what was expected.
        reason: String,
    },
}

impl ConfigError {
    /// An error about the field at `path`.
    #[must_use]
    pub fn field(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { path: path.into(), reason: reason.into() }
    }
}

/// Reads the plugin's configuration. No configuration at all is `{}`: every field has a default.
///
/// # Errors
///
/// [`ConfigError`], with the path of the first field that is wrong.
pub fn load<T: DeserializeOwned>(host: &dyn Host, bytes: usize) -> Result<T, ConfigError> {
    let text = match bytes {
        0 => Vec::new(),
        _ => host.buffer(Buffer::PluginConfiguration, 0, bytes.min(MAX_BYTES))?,
    };
    parse(if text.iter().all(u8::is_ascii_whitespace) { b"{}" } else { &text })
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, ConfigError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| ConfigError::field(path(error.path()), error.inner().to_string()))?;
    json.end().map_err(|error| ConfigError::field(".", error.to_string()))?;
    Ok(value)
}

fn path(path: &serde_path_to_error::Path) -> String {
    match path.to_string() {
        unknown if unknown == "?" => ".".to_owned(),
        known => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use crate::{Mode, Ranged, Rule};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[serde(default)]
        limit: Ranged<1, 10>,
        #[serde(default)]
        rules: Vec<Rule>,
    }

    fn read(text: &str) -> Result<Example, ConfigError> {
        let host = Fake::new();
        host.set_configuration(text);
        load(&*host, text.len())
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(read(text).unwrap_err().to_string(), expected, "for {text}");
    }

    #[test]
    fn no_configuration_is_all_defaults() {
        for text in ["", "  ", "{}"] {
            let example = read(text).unwrap();
            assert_eq!((example.limit.get(), example.rules.len()), (1, 0));
        }
    }

    #[test]
    fn rules_are_read() {
        let example = read(r#"{"rules": [{"match": {"path_prefix": "/v1"}, "mode": "observe"}]}"#).unwrap();
        assert_eq!(example.rules[0].mode, Mode::Observe);
    }

    #[test]
    fn the_error_names_the_field_what_came_and_what_was_expected() {
        refused(
            r#"{"limit": 11}"#,
            "limit: invalid value: integer `11`, expected an integer from 1 to 10 at line 1 column 12",
        );
        refused(
            r#"{"limit": "3"}"#,
            "limit: invalid type: string \"3\", expected an integer from 1 to 10 at line 1 column 13",
        );
        refused(
            r#"{"rules": [{"mode": "enfroce"}]}"#,
            "rules[0].mode: unknown variant `enfroce`, expected one of `enforce`, `observe`, `off` at line 1 column 29",
        );
        refused(
            r#"{"limits": 1}"#,
            "limits: unknown field `limits`, expected `limit` or `rules` at line 1 column 9",
        );
        refused("{} {}", ".: trailing characters at line 1 column 4");
        refused("{", ".: EOF while parsing an object at line 1 column 1");
    }
}
