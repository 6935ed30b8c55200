//! Numbers of a configuration that carry their range in their type: out of range does not deserialise.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// An integer from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranged<const MIN: u64, const MAX: u64>(u64);

/// A share in thousandths.
pub type Permille = Ranged<0, 1000>;

impl<const MIN: u64, const MAX: u64> Ranged<MIN, MAX> {
    /// `value`, held to the range: for defaults.
    #[must_use]
    pub const fn held(value: u64) -> Self {
        if value < MIN {
            Self(MIN)
        } else if value > MAX {
            Self(MAX)
        } else {
            Self(value)
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl<const MIN: u64, const MAX: u64> Default for Ranged<MIN, MAX> {
    /// The smallest number of the range.
    fn default() -> Self {
        Self(MIN)
    }
}

impl<const MIN: u64, const MAX: u64> Serialize for Ranged<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Ranged<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InRange<const MIN: u64, const MAX: u64>;

        impl<const MIN: u64, const MAX: u64> Visitor<'_> for InRange<MIN, MAX> {
            type Value = Ranged<MIN, MAX>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "an integer from {MIN} to {MAX}")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                if (MIN..=MAX).contains(&value) {
                    Ok(Ranged(value))
                } else {
                    Err(E::invalid_value(de::Unexpected::Unsigned(value), &self))
                }
            }

            // Envoy turns a `google.protobuf.Struct` into JSON with every number written as a double.
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
                if value.fract() == 0.0 && (0.0..9e15).contains(&value) {
                    self.visit_u64(value as u64)
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(value), &self))
                }
            }
        }

        deserializer.deserialize_u64(InRange)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Ranged<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Integer_{MIN}_to_{MAX}"))
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_that_are_whole_are_integers() {
        let read = |text| serde_json::from_str::<Ranged<1, 1000>>(text).map(Ranged::get);
        assert_eq!(read("500").unwrap(), 500);
        assert_eq!(read("500.0").unwrap(), 500);
        for text in ["0", "1001", "1.5", "-1", "1e300", "null"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("expected an integer from 1 to 1000"), "{text}: {error}");
        }
    }

    #[test]
    fn defaults_are_held_to_the_range() {
        assert_eq!(Ranged::<5, 9>::held(1).get(), 5);
        assert_eq!(Ranged::<5, 9>::held(100).get(), 9);
        assert_eq!(Ranged::<5, 9>::default().get(), 5);
    }
}
