//! What counts as a failure of the endpoint.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use spillway_breaker::Fault;

/// What counts as a failure of the endpoint.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Failures {
    /// Answers with these statuses: numbers, or classes as `"5xx"`.
    pub statuses: Vec<Statuses>,
    /// No connection comes about.
    pub connect: bool,
    /// The connection breaks before the answer is whole.
    pub resets: bool,
    /// The first token takes too long.
    pub late_first_tokens: bool,
    /// A stream ends without its terminal event. Only streams of APIs whose terminal event is known.
    pub cut_streams: bool,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            statuses: vec![Statuses::Class(5)],
            connect: true,
            resets: true,
            late_first_tokens: true,
            cut_streams: true,
        }
    }
}

impl Failures {
    /// Whether a fault counts.
    pub(crate) fn count(&self, fault: Fault) -> bool {
        match fault {
            Fault::Connect => self.connect,
            Fault::Reset => self.resets,
            Fault::Status(status) => self.statuses.iter().any(|statuses| statuses.hold(status)),
            Fault::FirstTokenTooLate => self.late_first_tokens,
            Fault::StreamCut => self.cut_streams,
        }
    }
}

/// A status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// This one.
    One(u16),
    /// Those whose first digit this is.
    Class(u16),
}

impl Statuses {
    const fn hold(self, status: u16) -> bool {
        match self {
            Self::One(one) => status == one,
            Self::Class(class) => status / 100 == class,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let class = text.strip_suffix("xx").and_then(|class| class.parse().ok());
        class.filter(|class| (1..=5).contains(class)).map(Self::Class)
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(status) => serializer.serialize_u16(*status),
            Self::Class(class) => serializer.serialize_str(&format!("{class}xx")),
        }
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Statuses;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a status from 100 to 599, or a class as 5xx")
            }

            fn visit_u64<E: de::Error>(self, status: u64) -> Result<Statuses, E> {
                match u16::try_from(status) {
                    Ok(status @ 100..=599) => Ok(Statuses::One(status)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(status), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
                Statuses::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Statuses {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Statuses")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": "^[1-5]xx$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_or_classes() {
        let failures: Failures =
            serde_json::from_str(r#"{"statuses": [429, "4xx", "5xx"], "connect": false}"#).unwrap();
        for (fault, expected) in [
            (Fault::Status(429), true),
            (Fault::Status(404), true),
            (Fault::Status(599), true),
            (Fault::Status(200), false),
            (Fault::Connect, false),
            (Fault::StreamCut, true),
        ] {
            assert_eq!(failures.count(fault), expected, "{fault}");
        }
        for wrong in ["99", "600", "\"6xx\"", "\"xx\"", "\"50x\"", "-1", "null"] {
            let error = serde_json::from_str::<Statuses>(wrong).unwrap_err().to_string();
            assert!(
                error.contains("expected a status from 100 to 599, or a class as 5xx"),
                "{wrong}: {error}"
            );
        }
    }
}
